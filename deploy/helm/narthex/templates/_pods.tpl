{{/* What the pods of all workloads may be told: where they run, and what stands beside their container. */}}

{{/*
Fields of a pod. Takes a dict: root, pods (the workload's values), selector (its labels, as a text), isSpread
(over machines where possible, unless the values say how) and isApart (an anti-affinity, unless they have one).
*/}}
{{- define "narthex.pod" -}}
{{- $selector := .selector -}}
terminationGracePeriodSeconds: {{ .pods.terminationGracePeriodSeconds }}
securityContext:
  {{- toYaml .root.Values.server.securityContext | nindent 2 }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .pods.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .pods.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with .pods.schedulerName }}
schedulerName: {{ . }}
{{- end }}
{{- with .pods.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .pods.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .pods.affinity }}
affinity:
  {{- toYaml .pods.affinity | nindent 2 }}
{{- else if .isApart }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- $selector | nindent 12 }}
{{- end }}
{{- if .pods.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml .pods.topologySpreadConstraints | nindent 2 }}
{{- else if .isSpread }}
topologySpreadConstraints:
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- $selector | nindent 6 }}
{{- end }}
{{- with .pods.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .pods.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .pods.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .pods.extraInitContainers }}
initContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Containers beside ours, of a workload's values: a list, without its key. Nothing, where there are none. */}}
{{- define "narthex.sidecars" -}}
{{- range $name, $container := .sidecarContainers }}
- name: {{ $name }}
  {{- toYaml $container | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The class of a claim, as the chart of Prometheus reads it: a hyphen is none, nothing the cluster's default. */}}
{{- define "narthex.storageClass" -}}
{{- with .storageClass }}
storageClassName: {{ eq . "-" | ternary "" . | quote }}
{{- end }}
{{- end -}}
