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
