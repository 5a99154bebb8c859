{{/* Names, labels, and which Secret holds what. */}}

{{- define "rocketship.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Short enough for "-engine-headless" behind it within the 63 characters of a name. */}}
{{- define "rocketship.fullname" -}}
{{- $name := include "rocketship.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 46 | trimSuffix "-" -}}
{{- end -}}

{{- define "rocketship.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Labels of an object: (dict "root" $ "component" "engine"). */}}
{{- define "rocketship.labels" -}}
helm.sh/chart: {{ include "rocketship.chart" .root }}
{{ include "rocketship.selectorLabels" . }}
app.kubernetes.io/part-of: {{ include "rocketship.name" .root }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What pods are chosen by. It can never change, because Kubernetes does not let it. */}}
{{- define "rocketship.selectorLabels" -}}
app.kubernetes.io/name: {{ include "rocketship.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Name, namespace and labels of an object: (dict "root" $ "component" "engine" "suffix" "-engine"). */}}
{{- define "rocketship.metadata" -}}
name: {{ include "rocketship.fullname" .root }}{{ .suffix }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "rocketship.labels" . | nindent 2 }}
{{- end -}}

{{- define "rocketship.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "rocketship.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "rocketship.image" -}}
{{- with .Values.image -}}
{{- $repository := ternary .repository (printf "%s/%s" .registry .repository) (empty .registry) -}}
{{- if .digest -}}
{{- printf "%s@%s" $repository .digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default $.Chart.AppVersion .tag) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The Secret that holds one credential: (dict "root" $ "from" .Values.auth.token); empty when there is none. */}}
{{- define "rocketship.secretName" -}}
{{- if .from.existingSecret -}}
{{- .from.existingSecret -}}
{{- else if .from.value -}}
{{- include "rocketship.fullname" .root }}-credentials
{{- end -}}
{{- end -}}

{{/* An environment variable from a credential: as above, with "name". */}}
{{- define "rocketship.secretEnv" -}}
{{- with include "rocketship.secretName" . -}}
- name: {{ $.name }}
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: {{ $.from.key }}
{{- end -}}
{{- end -}}

{{- define "rocketship.wantsToken" -}}
{{- if contains "token" .Values.auth.mode }}true{{ end -}}
{{- end -}}

{{- define "rocketship.wantsOidc" -}}
{{- if contains "oidc" .Values.auth.mode }}true{{ end -}}
{{- end -}}

{{- define "rocketship.distributed" -}}
{{- if eq .Values.runtime.mode "temporal" }}true{{ end -}}
{{- end -}}

{{/* Whether history is in PostgreSQL. */}}
{{- define "rocketship.shared" -}}
{{- if include "rocketship.secretName" (dict "root" . "from" .Values.database) }}true{{ end -}}
{{- end -}}

{{/* Whether somebody outside the cluster reaches the engine. */}}
{{- define "rocketship.exposed" -}}
{{- with .Values -}}
{{- if or .ingress.grpc.enabled .ingress.web.enabled .gateway.grpc.enabled .gateway.http.enabled (ne .engine.service.type "ClusterIP") }}true{{ end -}}
{{- end -}}
{{- end -}}

{{/* Whether there can be several engines at once, or workers. */}}
{{- define "rocketship.severalEngines" -}}
{{- if or .Values.engine.autoscaling.enabled (gt (int .Values.engine.replicas) 1) }}true{{ end -}}
{{- end -}}

{{- define "rocketship.severalWorkers" -}}
{{- with .Values.worker -}}
{{- $fewest := ternary .autoscaling.minReplicas (ternary .keda.minReplicas .replicas .keda.enabled) .autoscaling.enabled -}}
{{- if gt (int $fewest) 1 }}true{{ end -}}
{{- end -}}
{{- end -}}

{{- define "rocketship.engineTls" -}}
{{- if .Values.engine.tls.existingSecret }}true{{ end -}}
{{- end -}}

{{- define "rocketship.headlessHost" -}}
{{ include "rocketship.fullname" . }}-engine-headless.{{ .Release.Namespace }}.svc
{{- end -}}

{{/* The address of gRPC for clients outside, as far as the ingress tells. */}}
{{- define "rocketship.publicGrpc" -}}
{{- if .Values.engine.publicGrpcEndpoint -}}
{{- .Values.engine.publicGrpcEndpoint -}}
{{- else if .Values.ingress.grpc.enabled -}}
{{- printf "grpcs://%s:443" .Values.ingress.grpc.host -}}
{{- end -}}
{{- end -}}

{{- define "rocketship.publicHttp" -}}
{{- if .Values.engine.publicHttpEndpoint -}}
{{- .Values.engine.publicHttpEndpoint -}}
{{- else if .Values.ingress.web.enabled -}}
{{- printf "https://%s" .Values.ingress.web.host -}}
{{- end -}}
{{- end -}}
