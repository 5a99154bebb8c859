{{/* The worker's settings as environment variables. */}}

{{- define "rocketship.workerEnv" -}}
{{- with .config -}}
- name: ROCKETSHIP_ENGINE
  value: {{ include "rocketship.workerEngine" $.root | quote }}
- name: ROCKETSHIP_WORKER_HTTP_ADDRESS
  value: {{ printf "%s:7701" $.root.Values.engine.listenHost | quote }}
- name: ROCKETSHIP_WORKER_GRACE
  value: {{ printf "%ds" (int .graceSeconds) | quote }}
- name: ROCKETSHIP_DATA_DIR
  value: /tmp/rocketship
{{- with .labels }}
- name: ROCKETSHIP_WORKER_LABELS
  value: {{ join "," . | quote }}
{{- end }}
{{- with .slots }}
- name: ROCKETSHIP_WORKER_SLOTS
  value: {{ . | int | quote }}
{{- end }}
{{- end -}}
{{- end -}}

{{- define "rocketship.workerEngine" -}}
{{- if .Values.worker.engineAddress -}}
{{- .Values.worker.engineAddress -}}
{{- else -}}
{{- printf "%s://%s:7700" (ternary "grpc" "grpcs" (empty (include "rocketship.engineTls" .))) (include "rocketship.headlessHost" .) -}}
{{- end -}}
{{- end -}}

{{/* Whether workers speak TLS with the engines. */}}
{{- define "rocketship.workerTls" -}}
{{- $address := include "rocketship.workerEngine" . -}}
{{- if or (hasPrefix "grpcs://" $address) (hasPrefix "https://" $address) }}true{{ end -}}
{{- end -}}

{{/* The command of a worker: how it trusts the engines, and that inside a cluster it need not. */}}
{{- define "rocketship.workerArgs" -}}
{{- $args := list "worker" -}}
{{- with .Values.worker.tls -}}
{{- if not (include "rocketship.workerTls" $) -}}
{{- $args = append $args "--allow-plaintext-token" -}}
{{- else -}}
{{- if .existingSecret -}}
{{- range $option, $key := dict "ca-cert" .caKey "client-cert" .certKey "client-key" .keyKey -}}
{{- if $key -}}
{{- $args = append $args (printf "--%s=/etc/rocketship/engine/%s" $option $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .serverName -}}
{{- $args = append $args (printf "--tls-server-name=%s" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $args -}}
{{- end -}}

{{- define "rocketship.workerFiles" -}}
{{- if and (include "rocketship.workerTls" .) .Values.worker.tls.existingSecret }}true{{ end -}}
{{- end -}}
