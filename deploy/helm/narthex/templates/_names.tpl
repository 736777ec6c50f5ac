{{/* What objects are called, and the labels that they have. */}}

{{- define "narthex.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* 40 characters at most: a pod's name, with the number and a hash, is a label of its objects. */}}
{{- define "narthex.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "narthex.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "narthex.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "narthex.selector" -}}
app.kubernetes.io/name: {{ include "narthex.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "narthex.labels" -}}
{{ include "narthex.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "narthex.serviceAccount" -}}
{{- if .Values.serviceAccounts.server.create -}}
{{- default (include "narthex.fullname" .) .Values.serviceAccounts.server.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccounts.server.name -}}
{{- end -}}
{{- end -}}

{{- define "narthex.queryAccount" -}}
{{- if .Values.serviceAccounts.server.create -}}
{{- include "narthex.fullname" . }}-query
{{- else -}}
{{- include "narthex.serviceAccount" . -}}
{{- end -}}
{{- end -}}

{{/* A store of the bucket, its workers, queriers and agents stand beside the server. */}}

{{- define "narthex.storeSelector" -}}
app.kubernetes.io/name: {{ include "narthex.name" . }}-store
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "narthex.storeLabels" -}}
{{ include "narthex.storeSelector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "narthex.querySelector" -}}
app.kubernetes.io/name: {{ include "narthex.name" . }}-query
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "narthex.queryLabels" -}}
{{ include "narthex.querySelector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "narthex.compactSelector" -}}
app.kubernetes.io/name: {{ include "narthex.name" . }}-compact
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "narthex.compactLabels" -}}
{{ include "narthex.compactSelector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "narthex.nodesSelector" -}}
app.kubernetes.io/name: {{ include "narthex.name" . }}-nodes
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "narthex.nodesLabels" -}}
{{ include "narthex.nodesSelector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}
