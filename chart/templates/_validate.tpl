{{/*
What values.schema.json cannot say in words a person understands, above all what does not go together.
All that is wrong is told at once, each time with what to set.
*/}}

{{- define "rocketship.validate" -}}
{{- $said := list "rocketship.validateText" "rocketship.validateRuntime" "rocketship.validateAuth" "rocketship.validateSecrets" "rocketship.validateWorker" "rocketship.validateEdge" -}}
{{- $problems := list -}}
{{- range $said -}}
{{- range splitList "\n" (include . $) -}}
{{- with trim . -}}
{{- $problems = append $problems . -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $problems -}}
{{- fail (printf "these values cannot be used:\n- %s\n" (join "\n- " $problems)) -}}
{{- end -}}
{{- end -}}

{{- define "rocketship.validateRuntime" -}}
{{- $temporal := include "rocketship.distributed" . }}
{{- if and $temporal (not .Values.temporal.address) }}
runtime.mode is "temporal": set temporal.address to HOST:PORT of Temporal's frontend, or set runtime.mode to "embedded"
{{- end }}
{{- if and (not $temporal) .Values.temporal.address }}
temporal.address is set but runtime.mode is "embedded": set runtime.mode to "temporal", or remove the address
{{- end }}
{{- if and (not $temporal) (include "rocketship.severalEngines" .) }}
there can only be one engine while runtime.mode is "embedded": set engine.replicas to 1 and engine.autoscaling.enabled to false, or set runtime.mode to "temporal"
{{- end }}
{{- if and (include "rocketship.severalEngines" .) (not (include "rocketship.shared" .)) }}
several engines cannot share a SQLite file: set database.existingSecret to a Secret with a PostgreSQL URL, or engine.replicas to 1 and engine.autoscaling.enabled to false
{{- end }}
{{- if and (include "rocketship.shared" .) (not (include "rocketship.secretName" (dict "root" . "from" .Values.encryption))) }}
secrets in PostgreSQL need a key that outlives the pods: set encryption.existingSecret
{{- end }}
{{- with .Values.engine.autoscaling }}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) }}
engine.autoscaling.minReplicas is larger than maxReplicas: set it to at most {{ .maxReplicas }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "rocketship.validateAuth" -}}
{{- $auth := .Values.auth }}
{{- if and (eq $auth.mode "none") (include "rocketship.exposed" .) (not $auth.allowAnonymous) }}
auth.mode is "none" but the engine is reached from outside the cluster (ingress, gateway, or engine.service.type): set auth.mode to "token" or "oidc", or accept it by auth.allowAnonymous=true
{{- end }}
{{- if and (ne $auth.mode "none") $auth.allowAnonymous }}
auth.allowAnonymous only has a meaning with auth.mode "none": remove one of the two
{{- end }}
{{- if not (include "rocketship.wantsToken" .) }}
{{- range $name := list "existingSecret" "value" }}
{{- if index $auth.token $name }}
auth.token.{{ $name }} is set but auth.mode is "{{ $auth.mode }}", so that nobody is asked for a token: set auth.mode to "token" or "token,oidc", or remove it
{{- end }}
{{- end }}
{{- end }}
{{- if not (include "rocketship.wantsOidc" .) }}
{{- range $name, $value := $auth.oidc }}
{{- if $value }}
auth.oidc.{{ $name }} is set but auth.mode is "{{ $auth.mode }}", so that nobody is asked to log in: set auth.mode to "oidc" or "token,oidc", or remove it
{{- end }}
{{- end }}
{{- end }}
{{- if and (eq $auth.mode "none") (or $auth.workerToken.existingSecret $auth.workerToken.value) }}
auth.workerToken is set but auth.mode is "none", so that no worker is asked for it: set auth.mode to "token" or "oidc", or remove it
{{- end }}
{{- if and (include "rocketship.wantsToken" .) (not (include "rocketship.tokenFile" .)) }}
auth.mode is "{{ $auth.mode }}" but there is no token: set auth.token.existingSecret to a Secret with the key "{{ $auth.token.key }}"
{{- end }}
{{- if include "rocketship.wantsOidc" . }}
{{- if not $auth.oidc.issuer }}
auth.mode is "{{ $auth.mode }}" but nobody issues tokens: set auth.oidc.issuer to the URL of the identity provider
{{- end }}
{{- if not $auth.oidc.audience }}
auth.mode is "{{ $auth.mode }}" but any token of the issuer would do: set auth.oidc.audience
{{- end }}
{{- end }}
{{- if and $auth.alb.arns (not $auth.alb.region) }}
auth.alb.arns is set but the keys of load balancers are per region: set auth.alb.region
{{- end }}
{{- if and (or $auth.alb.region $auth.alb.issuer $auth.alb.clientId) (not $auth.alb.arns) }}
auth.alb says something about load balancers but not which ones: set auth.alb.arns
{{- end }}
{{- if $auth.alb.arns }}
{{- if eq $auth.mode "none" }}
auth.alb.arns is set but auth.mode is "none", so that nobody is asked who they are: set auth.mode to "token" or "oidc"
{{- end }}
{{- if not (or $auth.alb.issuer (and (include "rocketship.wantsOidc" .) $auth.oidc.issuer)) }}
a load balancer is believed only about logins at one provider: set auth.alb.issuer
{{- end }}
{{- if not (or $auth.alb.clientId (and (include "rocketship.wantsOidc" .) $auth.oidc.clientId)) }}
a load balancer is believed only as one client of its provider: set auth.alb.clientId
{{- end }}
{{- end }}
{{- if and .Values.engine.serviceMonitor.enabled (ne $auth.mode "none") (not .Values.engine.serviceMonitor.tokenSecret.name) }}
/metrics asks for a token: set engine.serviceMonitor.tokenSecret.name to a Secret with one, or engine.serviceMonitor.enabled to false
{{- end }}
{{- end -}}

{{- define "rocketship.validateSecrets" -}}
{{- $keys := dict }}
{{- range $path, $from := dict "auth.token" .Values.auth.token "auth.workerToken" .Values.auth.workerToken "encryption" .Values.encryption "database" .Values.database "temporal.apiKey" .Values.temporal.apiKey }}
{{- if and $from.value $from.existingSecret }}
{{ $path }}.value and {{ $path }}.existingSecret are both set: remove one of them
{{- else if and $from.value (hasKey $keys $from.key) }}
{{ $path }}.key and {{ get $keys $from.key }}.key are both "{{ $from.key }}" in the one Secret the chart makes: give one of them another name
{{- else if $from.value }}
{{- $_ := set $keys $from.key $path }}
{{- end }}
{{- end }}
{{- range $path, $value := dict "auth.token" .Values.auth.token.value "auth.workerToken" .Values.auth.workerToken.value }}
{{- range splitList "\n" $value }}
{{- $line := trim . }}
{{- $token := last (splitList ":" $line) }}
{{- if and $line (not (hasPrefix "#" $line)) (or (lt (len $token) 8) (and (hasPrefix "rst_self_" $token) (lt (len $token) 41))) }}
{{ $path }}.value has a token that is cut off, or easy to guess, so that the engine would not start: set it to one made by `rocketship token generate`
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.temporal.tls }}
{{- if and (or .caKey .certKey .keyKey) (not (and .enabled .existingSecret)) }}
temporal.tls names keys of a Secret: set temporal.tls.existingSecret to it and temporal.tls.enabled to true
{{- end }}
{{- if ne (empty .certKey) (empty .keyKey) }}
a certificate and its key belong together: set both temporal.tls.certKey and temporal.tls.keyKey
{{- end }}
{{- end }}
{{- with .Values.engine.tls }}
{{- if and .clientCaKey (not .existingSecret) }}
engine.tls.clientCaKey is a key of a Secret: set engine.tls.existingSecret to it
{{- end }}
{{- end }}
{{- end -}}

{{- define "rocketship.validateWorker" -}}
{{- with .Values.worker }}
{{- if and .enabled (not (include "rocketship.distributed" $)) }}
workers have nothing to do while runtime.mode is "embedded": set runtime.mode to "temporal", or worker.enabled to false
{{- end }}
{{- if and .autoscaling.enabled .keda.enabled }}
only one may decide how many workers there are: set worker.autoscaling.enabled or worker.keda.enabled to false
{{- end }}
{{- if and .keda.enabled (not .keda.triggers) }}
worker.keda.enabled is true but nothing tells KEDA how much work there is: set worker.keda.triggers
{{- end }}
{{- if and .enabled (ne $.Values.auth.mode "none") (not (include "rocketship.secretName" (dict "root" $ "from" $.Values.auth.workerToken))) }}
the engine asks workers for a token of their own: set auth.workerToken.existingSecret to a Secret with the key "{{ $.Values.auth.workerToken.key }}"
{{- end }}
{{- if and .enabled (not (include "rocketship.secretName" (dict "root" $ "from" $.Values.encryption))) }}
engines and workers need the same key for what passes through Temporal: set encryption.existingSecret
{{- end }}
{{- if and .enabled (include "rocketship.engineTls" $) (not .engineAddress) (not (or .tls.existingSecret .tls.serverName)) }}
workers reach the engines by a name of the cluster, which no public authority vouches for: set worker.tls.existingSecret to a Secret with the authority of engine.tls, or worker.tls.serverName to a public name in its certificate
{{- end }}
{{- if and .enabled $.Values.engine.tls.clientCaKey (not .engineAddress) (not (and .tls.existingSecret .tls.certKey)) }}
the engine asks for a certificate (engine.tls.clientCaKey): set worker.tls.existingSecret, worker.tls.certKey and worker.tls.keyKey to one for the workers
{{- end }}
{{- if ne (empty .tls.certKey) (empty .tls.keyKey) }}
a certificate and its key belong together: set both worker.tls.certKey and worker.tls.keyKey
{{- end }}
{{- if and .tls.certKey (not .tls.existingSecret) }}
worker.tls.certKey is a key of a Secret: set worker.tls.existingSecret to it
{{- end }}
{{- range $kind := list "autoscaling" "keda" }}
{{- with index $.Values.worker $kind }}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) }}
worker.{{ $kind }}.minReplicas is larger than maxReplicas: set it to at most {{ .maxReplicas }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "rocketship.validateEdge" -}}
{{- $ingress := .Values.ingress }}
{{- range $name := list "grpc" "web" }}
{{- $one := index $ingress $name }}
{{- if and $one.enabled (not $one.host) }}
ingress.{{ $name }}.enabled is true but it has no host: set ingress.{{ $name }}.host
{{- end }}
{{- range $key, $_ := $one.annotations }}
{{- if and (eq $name "grpc") (or (hasPrefix "alb.ingress.kubernetes.io/auth-" $key) (hasPrefix "nginx.ingress.kubernetes.io/auth-" $key)) }}
ingress.grpc.annotations has "{{ $key }}", but a command line cannot follow a browser login: move it to ingress.web.annotations
{{- end }}
{{- end }}
{{- end }}
{{- if and $ingress.grpc.enabled $ingress.web.enabled (eq $ingress.grpc.host $ingress.web.host) }}
ingress.grpc.host and ingress.web.host are the same, but an ingress speaks one protocol with its backend: give each a host of its own
{{- end }}
{{- if and $ingress.web.enabled (not .Values.engine.service.exposeHttp) }}
ingress.web needs the port for HTTP: set engine.service.exposeHttp to true
{{- end }}
{{- with .Values.gateway }}
{{- if and (or .grpc.enabled .http.enabled) (not .parentRefs) }}
a route belongs to a gateway: set gateway.parentRefs
{{- end }}
{{- if and .http.enabled (not $.Values.engine.service.exposeHttp) }}
gateway.http needs the port for HTTP: set engine.service.exposeHttp to true
{{- end }}
{{- end }}
{{- if regexMatch `^(127\.|\[[0:]*:0*1\]$)` .Values.engine.listenHost }}
engine.listenHost is "{{ .Values.engine.listenHost }}", which neither probes nor clients reach: set it to 0.0.0.0 or "[::]"
{{- end }}
{{- with .Values.engine.service }}
{{- if and (eq .type "ClusterIP") (or .grpcNodePort .httpNodePort) }}
ports of nodes need engine.service.type "NodePort" or "LoadBalancer": set it, or remove grpcNodePort and httpNodePort
{{- end }}
{{- if and .loadBalancerClass (ne .type "LoadBalancer") }}
engine.service.loadBalancerClass needs engine.service.type "LoadBalancer": set it, or remove the class
{{- end }}
{{- if and .exposeHttp (eq (int .grpcPort) (int .httpPort)) }}
engine.service.grpcPort and engine.service.httpPort are the same: give each a port of its own
{{- end }}
{{- end }}
{{- end -}}
