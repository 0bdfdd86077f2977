{{- define "user-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* The name of the release, with the chart's behind it unless it is a part. 44 leaves room for the longest ending, "-leader-election". */ -}}
{{- define "user-operator.fullname" -}}
{{- $name := include "user-operator.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 44 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 44 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 44 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "user-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "user-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is needed where serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- /* Labels of every object. */ -}}
{{- define "user-operator.labels" -}}
{{- with .Values.commonLabels }}
{{- toYaml . }}
{{ end -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "user-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: user-operator
{{- end }}

{{- /* What finds the operator's Pods. Without the release, so that a chart can take over what kustomize installed: a selector can't be changed. */ -}}
{{- define "user-operator.selector" -}}
app.kubernetes.io/name: {{ include "user-operator.name" . }}
app.kubernetes.io/component: manager
{{- end }}

{{- /* The namespaces with a Role, as a JSON list: "" stands for the whole cluster, with a ClusterRole. */ -}}
{{- define "user-operator.scopes" -}}
{{- if not .Values.namespaceScoped.enabled }}
{{- list "" | toJson }}
{{- else }}
{{- default (list .Release.Namespace) .Values.namespaceScoped.namespaces | uniq | toJson }}
{{- end }}
{{- end }}

{{- define "user-operator.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- /* Namespace and labels of a role for people; only a ClusterRole can join a built-in one. */ -}}
{{- define "user-operator.people" -}}
{{- with .namespace -}}
namespace: {{ . }}
{{ end -}}
labels:
  {{- include "user-operator.labels" .root | nindent 2 }}
  {{- if and .root.Values.rbac.aggregate (not .namespace) }}
  rbac.authorization.k8s.io/aggregate-to-{{ .builtIn }}: "true"
  {{- end }}
{{- end }}
