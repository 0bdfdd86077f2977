{{- define "gvList" -}}
# API reference

What can be written in a `CertCentralAccount` and a `CertCentralUser`, and what the operator writes back. Made from the
[types](../api/v1alpha1) by `make generate`; `kubectl explain ccu.spec` says the same in a terminal. What the reasons of a
condition mean, and what to do, is in the [README](../README.md#when-something-is-wrong).

**Required** fields must be given. Whatever else is left out of a `spec` takes its default; without a default, the description
says what leaving it out does.
{{ range . }}{{ template "group" . }}{{ end -}}
{{- end -}}

{{- define "group" }}
{{- $group := . }}
{{- $shown := list }}
{{- range $kind := $group.SortedKinds }}
{{- range $part := list "" "Spec" "Status" }}
{{- $name := print $kind $part }}
{{- $shown = append $shown $name }}
{{- template "type" dict "type" (index $group.Types $name) "level" (ternary "##" "###" (eq $part "")) }}
{{- end }}
{{- end }}
## Parts

Of both kinds, in the order of the alphabet.
{{ range $group.SortedTypes }}
{{- if and (not (has .Name $shown)) (markdownShouldRenderType .) }}
{{- template "type" dict "type" . "level" "###" }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "type" }}
{{- $type := .type }}
{{ .level }} {{ $type.Name }}

{{ $type.Doc }}
{{ with index $type.Markers "kubebuilder:validation:XValidation" }}
Of its fields together:
{{ range . }}
- {{ .Message }}
{{- end }}
{{ end }}
{{- if $type.Members }}
| field | type | what it is | default | rules |
| --- | --- | --- | --- | --- |
{{- if $type.GVK }}
| `apiVersion`<br>**required** | string | `{{ $type.GVK.Group }}/{{ $type.GVK.Version }}` | | |
| `kind`<br>**required** | string | `{{ $type.GVK.Kind }}` | | |
{{- end }}
{{- range $type.Members }}
| `{{ .Name }}`{{ if has "Required: {}" .Validation }}<br>**required**{{ end }} | {{ template "fieldType" . }} | {{ template "fieldDoc" . }} | {{ template "default" . }} | {{ template "rules" . }} |
{{- end }}
{{ end }}
{{- if $type.EnumValues }}
| value | what it means |
| --- | --- |
{{- range $type.EnumValues }}
| `{{ .Name }}` | {{ .Doc | trim | replace "\n" " " }} |
{{- end }}
{{ end }}
{{- if $type.References }}
Found in {{ range $i, $parent := $type.SortedReferences }}{{ if $i }}, {{ end }}{{ markdownRenderTypeLink $parent }}{{ end }}.
{{ end }}
{{- end -}}

{{- define "fieldType" }}
{{- if eq .Name "caBundle" }}string (base64){{ else if eq .Type.Name "Line" }}string{{ else }}{{ markdownRenderType .Type | replace " array" ", a list" }}{{ end }}
{{- end -}}

{{- define "fieldDoc" }}
{{- .Doc | replace "\n" " " | replace "|" "\\|" | replace "{" "\\{" | replace "}" "\\}" | replace "<" "&lt;" }}
{{- end -}}

{{- define "default" }}
{{- with .Default }}`{{ . }}`{{ end }}
{{- end -}}

{{- define "rules" }}
{{- $rules := list }}
{{- range .Validation }}
{{- if not (or (hasPrefix "Optional:" .) (hasPrefix "Required:" .) (hasPrefix "Type:" .) (hasPrefix "Enum:" .)) }}
{{- $rules = append $rules (. | replace "MaxLength: " "at most this long: " | replace "MinLength: " "at least this long: " | replace "Maximum: " "at most " | replace "Minimum: " "at least " | replace "MaxItems: " "at most this many: ") }}
{{- end }}
{{- end }}
{{- range index .Markers "kubebuilder:validation:XValidation" }}
{{- $rules = append $rules (.Message | replace "|" "\\|") }}
{{- end }}
{{- join "<br>" $rules }}
{{- end -}}
