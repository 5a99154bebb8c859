{{/*
Texts of a certain form. They are checked here because a schema could only say which expression did not match.
*/}}

{{- define "rocketship.validateText" -}}
{{- $host := `^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$` }}
{{- $url := `^https?://[^\s/]\S*$` }}
{{- $name := `^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$` }}
{{- $key := `^[A-Za-z0-9._-]{1,253}$` }}
{{- $quantity := `^[0-9]+(\.[0-9]+)?([EPTGMk]i?|m)?$` }}
{{- $hostText := "a host name in small letters, without a scheme or a port" }}
{{- $urlText := "an URL that begins with https:// or http://" }}
{{- $safe := `^https://[^\s/]\S*$` }}
{{- $safeText := "an URL that begins with https://" }}
{{- $nameText := "the name of a Secret, in small letters" }}
{{- $quantityText := "a quantity such as 512Mi, 8Gi or 250m" }}
{{- $rows := list
  (list "image.registry" .Values.image.registry `^[A-Za-z0-9.-]+(:[0-9]+)?(/[a-z0-9._/-]+)?$` "a registry without a scheme, such as registry.example.com")
  (list "image.repository" .Values.image.repository `^[a-z0-9][a-z0-9._/-]*$` "a repository in small letters; the tag has a value of its own, image.tag")
  (list "image.tag" .Values.image.tag `^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$` "a tag such as 0.1.0")
  (list "image.digest" .Values.image.digest `^sha256:[0-9a-f]{64}$` "sha256: and 64 hexadecimal digits")
  (list "fullnameOverride" .Values.fullnameOverride `^[a-z]([a-z0-9-]*[a-z0-9])?$` "small letters, digits and hyphens, with a letter first")
  (list "nameOverride" .Values.nameOverride `^[a-z]([a-z0-9-]*[a-z0-9])?$` "small letters, digits and hyphens, with a letter first")
  (list "temporal.address" .Values.temporal.address `^[^\s:/]+:[0-9]{1,5}$` "HOST:PORT, such as temporal-frontend.temporal.svc:7233")
  (list "auth.oidc.issuer" .Values.auth.oidc.issuer $safe $safeText)
  (list "auth.oidc.jwksUrl" .Values.auth.oidc.jwksUrl $safe $safeText)
  (list "auth.oidc.deviceEndpoint" .Values.auth.oidc.deviceEndpoint $safe $safeText)
  (list "auth.oidc.tokenEndpoint" .Values.auth.oidc.tokenEndpoint $safe $safeText)
  (list "engine.publicHttpEndpoint" .Values.engine.publicHttpEndpoint $url $urlText)
  (list "engine.publicGrpcEndpoint" .Values.engine.publicGrpcEndpoint `^((grpcs?|https?)://)?[^\s:/]+(:[0-9]{1,5})?$` "grpcs://HOST:PORT, with nothing behind the port")
  (list "engine.listenHost" .Values.engine.listenHost `^([0-9.]+|\[[0-9A-Fa-f:.]+\])$` "an IPv4 address, or an IPv6 address in brackets")
  (list "engine.persistence.size" .Values.engine.persistence.size $quantity $quantityText)
  (list "engine.serviceMonitor.interval" .Values.engine.serviceMonitor.interval `^([0-9]+(ms|s|m|h))+$` "a duration such as 30s")
  (list "worker.engineAddress" .Values.worker.engineAddress `^((grpcs?|https?)://)?[^\s:/]+(:[0-9]{1,5})?$` "grpcs://HOST:PORT, with nothing behind the port")
  (list "ingress.grpc.host" .Values.ingress.grpc.host $host $hostText)
  (list "ingress.web.host" .Values.ingress.web.host $host $hostText)
  (list "ingress.tls.secretName" .Values.ingress.tls.secretName $name $nameText)
  (list "temporal.tls.existingSecret" .Values.temporal.tls.existingSecret $name $nameText)
  (list "engine.tls.existingSecret" .Values.engine.tls.existingSecret $name $nameText)
  (list "worker.tls.existingSecret" .Values.worker.tls.existingSecret $name $nameText)
  (list "worker.tls.serverName" .Values.worker.tls.serverName $host $hostText)
}}
{{- range $path, $from := dict "auth.token" .Values.auth.token "auth.workerToken" .Values.auth.workerToken "encryption" .Values.encryption "database" .Values.database "temporal.apiKey" .Values.temporal.apiKey }}
{{- $rows = append $rows (list (print $path ".existingSecret") $from.existingSecret $name $nameText) }}
{{- $rows = append $rows (list (print $path ".key") (default "(nothing)" $from.key) $key "the key in the Secret: letters, digits, dots, hyphens and underscores") }}
{{- end }}
{{- range $component := list "engine" "worker" }}
{{- $config := index $.Values $component }}
{{- $rows = append $rows (list (print $component ".tmpSize") $config.tmpSize $quantity $quantityText) }}
{{- $rows = append $rows (list (print $component ".pdb.maxUnavailable") $config.pdb.maxUnavailable `^[0-9]+%?$` "a number, or a share such as 25%") }}
{{- range $kind, $amounts := $config.resources }}
{{- range $what, $amount := $amounts }}
{{- $rows = append $rows (list (printf "%s.resources.%s.%s" $component $kind $what) $amount $quantity $quantityText) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $path, $hosts := dict "gateway.grpc.hostnames" .Values.gateway.grpc.hostnames "gateway.http.hostnames" .Values.gateway.http.hostnames }}
{{- range $hosts }}
{{- $rows = append $rows (list $path . $host $hostText) }}
{{- end }}
{{- end }}
{{- range .Values.auth.alb.arns }}
{{- $rows = append $rows (list "auth.alb.arns" . `^arn:[a-z-]+:elasticloadbalancing:` "ARNs of load balancers, arn:aws:elasticloadbalancing:...") }}
{{- end }}
{{- range .Values.engine.service.loadBalancerSourceRanges }}
{{- $rows = append $rows (list "engine.service.loadBalancerSourceRanges" . `^[0-9A-Fa-f.:]+/[0-9]{1,3}$` "networks such as 10.0.0.0/8") }}
{{- end }}
{{- range .Values.engine.grpcWebOrigins }}
{{- $rows = append $rows (list "engine.grpcWebOrigins" . `^https?://[^\s/]+$` "origins such as https://tools.example.org") }}
{{- end }}
{{- range .Values.worker.labels }}
{{- $rows = append $rows (list "worker.labels" . `^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$` "labels in small letters, one an entry, such as gpu or eu-west") }}
{{- end }}
{{- range $rows }}
{{- $value := toString (index . 1) }}
{{- if and $value (not (regexMatch (index . 2) $value)) }}
{{ index . 0 }} is "{{ $value }}": write {{ index . 3 }}
{{- end }}
{{- end }}
{{- if eq .Values.image.tag "latest" }}
image.tag is "latest": write the tag of a release, because nobody can tell which one "latest" was, nor go back to it
{{- end }}
{{- end -}}
