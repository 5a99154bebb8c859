{{/* The engine's settings as environment variables. */}}

{{- define "rocketship.tokenFile" -}}
{{- if include "rocketship.wantsToken" . -}}
{{- include "rocketship.secretName" (dict "root" . "from" .Values.auth.token) -}}
{{- end -}}
{{- end -}}

{{- define "rocketship.engineEnv" -}}
{{- with .config -}}
- name: ROCKETSHIP_ENGINE_GRPC_ADDRESS
  value: {{ printf "%s:7700" .listenHost | quote }}
- name: ROCKETSHIP_ENGINE_HTTP_ADDRESS
  value: {{ printf "%s:7701" .listenHost | quote }}
- name: ROCKETSHIP_ENGINE_REFLECTION
  value: {{ .reflection | quote }}
- name: ROCKETSHIP_DATA_DIR
  value: /var/lib/rocketship
- name: ROCKETSHIP_BACKEND
  value: {{ $.root.Values.runtime.mode | quote }}
- name: ROCKETSHIP_RETENTION_DAYS
  value: {{ .retentionDays | int | quote }}
- name: ROCKETSHIP_RECOVERY
  value: {{ .recovery | quote }}
- name: ROCKETSHIP_JOURNAL_SYNC
  value: {{ .journalSync | quote }}
- name: ROCKETSHIP_DRAIN_DELAY
  value: {{ printf "%ds" (int .drainSeconds) | quote }}
- name: ROCKETSHIP_GRACE
  value: {{ printf "%ds" (int .graceSeconds) | quote }}
- name: ROCKETSHIP_GRPC_WEB
  # YAML takes a bare on and off for true and false.
  value: {{ .grpcWeb | toString | replace "true" "on" | replace "false" "off" | quote }}
{{- with .grpcWebOrigins }}
- name: ROCKETSHIP_GRPC_WEB_ORIGINS
  value: {{ join "," . | quote }}
{{- end }}
{{- with .maxParallelTests }}
- name: ROCKETSHIP_MAX_PARALLEL_TESTS
  value: {{ . | int | quote }}
{{- end }}
{{- with .disabledPlugins }}
- name: ROCKETSHIP_DISABLE_PLUGINS
  value: {{ join "," . | quote }}
{{- end }}
{{- with include "rocketship.publicGrpc" $.root }}
- name: ROCKETSHIP_PUBLIC_GRPC_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- with include "rocketship.publicHttp" $.root }}
- name: ROCKETSHIP_PUBLIC_HTTP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- if .tls.existingSecret }}
- name: ROCKETSHIP_ENGINE_TLS_CERT
  value: /etc/rocketship/tls/{{ .tls.certKey }}
- name: ROCKETSHIP_ENGINE_TLS_KEY
  value: /etc/rocketship/tls/{{ .tls.keyKey }}
{{- with .tls.clientCaKey }}
- name: ROCKETSHIP_ENGINE_TLS_CLIENT_CA
  value: /etc/rocketship/tls/{{ . }}
{{- end }}
{{- end }}
{{- with include "rocketship.secretEnv" (dict "root" $.root "from" $.root.Values.database "name" "ROCKETSHIP_DATABASE_URL") }}
{{ . }}
{{- end }}
{{ include "rocketship.authEnv" $.root }}
{{- end -}}
{{- end -}}

{{- define "rocketship.authEnv" -}}
{{- with .Values.auth -}}
- name: ROCKETSHIP_AUTH_MODE
  value: {{ .mode | quote }}
{{- if eq .mode "none" }}
# The pod's address is no loopback; whether others reach it is checked when the chart is rendered.
- name: ROCKETSHIP_ALLOW_ANONYMOUS
  value: "true"
{{- end }}
{{- if include "rocketship.tokenFile" $ }}
# A file is read again when it changes, a variable is not.
- name: ROCKETSHIP_ENGINE_TOKEN_FILE
  value: /etc/rocketship/token/token
{{- end }}
{{- if include "rocketship.wantsOidc" $ }}
{{- $lists := dict "SCOPES" (join " " .oidc.scopes) "ALLOWED_ALGS" (join "," .oidc.allowedAlgorithms) }}
{{- $urls := dict "ISSUER" .oidc.issuer "JWKS_URL" .oidc.jwksUrl "DEVICE_ENDPOINT" .oidc.deviceEndpoint "TOKEN_ENDPOINT" .oidc.tokenEndpoint }}
{{- $names := dict "AUDIENCE" .oidc.audience "CLIENT_ID" .oidc.clientId "USERNAME_CLAIM" .oidc.usernameClaim }}
{{- range $name, $value := merge $lists $urls $names }}
{{- with $value }}
- name: ROCKETSHIP_OIDC_{{ $name }}
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- if .oidc.advertiseCloud }}
- name: ROCKETSHIP_AUTH_ADVERTISE_CLOUD
  value: "true"
{{- end }}
{{- if not (kindIs "invalid" .oidc.leewaySeconds) }}
- name: ROCKETSHIP_OIDC_LEEWAY_SECONDS
  value: {{ .oidc.leewaySeconds | int | quote }}
{{- end }}
{{- end }}
{{- if .alb.arns }}
{{- range $name, $value := dict "ARNS" (join "," .alb.arns) "REGION" .alb.region "ISSUER" .alb.issuer "CLIENT_ID" .alb.clientId }}
{{- with $value }}
- name: ROCKETSHIP_ALB_{{ $name }}
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
{{- end -}}
