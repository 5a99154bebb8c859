{{/* A pod that `helm test` runs: (dict "root" $ "name" "health" "script" "..." "env" (list)). It stays to be read. */}}
{{- define "rocketship.testPod" -}}
apiVersion: v1
kind: Pod
metadata:
  {{- include "rocketship.metadata" (dict "root" .root "component" "test" "suffix" (printf "-test-%s" .name)) | nindent 2 }}
  annotations:
    helm.sh/hook: test
    helm.sh/hook-delete-policy: before-hook-creation
spec:
  restartPolicy: Never
  serviceAccountName: {{ include "rocketship.serviceAccountName" .root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- include "rocketship.podSecurity" . | nindent 2 }}
  {{- with .root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  containers:
    - name: {{ .name }}
      {{- include "rocketship.imageOf" . | nindent 6 }}
      command: {{ toJson .command }}
      {{- include "rocketship.containerSecurity" . | nindent 6 }}
      env:
        - name: HOME
          value: /tmp
        {{- with .env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      resources:
        requests: { cpu: 50m, memory: 64Mi }
        limits: { memory: 256Mi }
      volumeMounts:
        - name: tmp
          mountPath: /tmp
  volumes:
    - name: tmp
      emptyDir:
        sizeLimit: 64Mi
{{- end -}}
