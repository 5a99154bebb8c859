{{/* What the pods of engine and worker have in common: (dict "root" $ "component" "engine" "config" .Values.engine). */}}

{{- define "rocketship.podMetadata" -}}
labels:
  {{- include "rocketship.labels" . | nindent 2 }}
  {{- with .config.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  checksum/credentials: {{ include (print .root.Template.BasePath "/secret.yaml") .root | sha256sum }}
  {{- with .config.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "rocketship.podSettings" -}}
serviceAccountName: {{ include "rocketship.serviceAccountName" .root }}
automountServiceAccountToken: false
# Variables about services would look like settings.
enableServiceLinks: false
# What scripts of suites leave behind has a parent that collects it.
shareProcessNamespace: true
{{ include "rocketship.podSecurity" . }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .config.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .config.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- range $key := list "nodeSelector" "affinity" "tolerations" "hostAliases" "dnsConfig" }}
{{- with index $.config $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with .config.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .config.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range . }}
  - {{- toYaml . | nindent 4 }}
    {{- if not .labelSelector }}
    labelSelector:
      matchLabels:
        {{- include "rocketship.selectorLabels" $ | nindent 8 }}
    {{- end }}
  {{- end }}
{{- end }}
{{- with .config.initContainers }}
initContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The user is the one the image is made for. */}}
{{- define "rocketship.podSecurity" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{- define "rocketship.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{- define "rocketship.imageOf" -}}
image: {{ include "rocketship.image" .root | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
{{- end -}}

{{/* Probes over HTTP: also with "scheme", and "tcp" where nobody gets in without a certificate. */}}
{{- define "rocketship.probes" -}}
{{- range $kind, $path := dict "startup" "/healthz" "readiness" "/readyz" "liveness" "/healthz" }}
{{ $kind }}Probe:
  {{- if $.tcp }}
  tcpSocket:
    port: http
  {{- else }}
  httpGet:
    path: {{ $path }}
    port: http
    scheme: {{ $.scheme }}
  {{- end }}
  {{- toYaml (index $.config.probes $kind) | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Kubernetes can wait by itself from 1.30 on; before that the image's own sleep does it. A wait of 0 is refused before 1.33. */}}
{{- define "rocketship.lifecycle" -}}
{{- if .config.preStopSeconds -}}
lifecycle:
  preStop:
    {{- if semverCompare ">=1.30.0-0" .root.Capabilities.KubeVersion.Version }}
    sleep:
      seconds: {{ .config.preStopSeconds }}
    {{- else }}
    exec:
      command: [sleep, {{ .config.preStopSeconds | quote }}]
    {{- end }}
{{- end -}}
{{- end -}}

{{/* Environment of both for logs and for Temporal. */}}
{{- define "rocketship.commonEnv" -}}
- name: ROCKETSHIP_LOG
  value: {{ .config.logLevel | quote }}
- name: ROCKETSHIP_LOG_FORMAT
  value: {{ .config.logFormat | quote }}
{{- if include "rocketship.distributed" .root }}
{{ include "rocketship.temporalEnv" .root }}
{{- end }}
{{- with include "rocketship.secretEnv" (dict "root" .root "from" .root.Values.encryption "name" "ROCKETSHIP_ENCRYPTION_KEY") }}
{{ . }}
{{- end }}
{{- if ne .root.Values.auth.mode "none" }}
{{- with include "rocketship.secretEnv" (dict "root" .root "from" .root.Values.auth.workerToken "name" "ROCKETSHIP_WORKER_TOKEN") }}
{{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "rocketship.temporalEnv" -}}
{{- with .Values.temporal -}}
- name: ROCKETSHIP_TEMPORAL_ADDRESS
  value: {{ .address | quote }}
- name: ROCKETSHIP_TEMPORAL_NAMESPACE
  value: {{ .namespace | quote }}
{{- with .queuePrefix }}
- name: ROCKETSHIP_TEMPORAL_QUEUE_PREFIX
  value: {{ . | quote }}
{{- end }}
{{- with .heartbeatSeconds }}
- name: ROCKETSHIP_HEARTBEAT_TIMEOUT
  value: {{ printf "%ds" (int .) | quote }}
{{- end }}
{{- if .tls.enabled }}
- name: ROCKETSHIP_TEMPORAL_TLS
  value: "true"
{{- with .tls.serverName }}
- name: ROCKETSHIP_TEMPORAL_TLS_SERVER_NAME
  value: {{ . | quote }}
{{- end }}
{{- range $name, $key := dict "CA" .tls.caKey "CERT" .tls.certKey "KEY" .tls.keyKey }}
{{- if $key }}
- name: ROCKETSHIP_TEMPORAL_TLS_{{ $name }}
  value: /etc/rocketship/temporal/{{ $key }}
{{- end }}
{{- end }}
{{- end }}
{{- with include "rocketship.secretEnv" (dict "root" $ "from" .apiKey "name" "ROCKETSHIP_TEMPORAL_API_KEY") }}
{{ . }}
{{- end }}
{{- end -}}
{{- end -}}

{{- define "rocketship.commonMounts" -}}
- name: tmp
  mountPath: /tmp
{{- if include "rocketship.temporalFiles" .root }}
- name: temporal-tls
  mountPath: /etc/rocketship/temporal
  readOnly: true
{{- end }}
{{- with .config.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "rocketship.commonVolumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: {{ .config.tmpSize }}
{{- if include "rocketship.temporalFiles" .root }}
- name: temporal-tls
  secret:
    secretName: {{ .root.Values.temporal.tls.existingSecret }}
{{- end }}
{{- with .config.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "rocketship.temporalFiles" -}}
{{- if and (include "rocketship.distributed" .) .Values.temporal.tls.enabled .Values.temporal.tls.existingSecret }}true{{ end -}}
{{- end -}}
