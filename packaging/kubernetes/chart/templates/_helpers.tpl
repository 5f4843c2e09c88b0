{{- define "netlens.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "netlens.fullname" -}}
{{- $name := include "netlens.name" . -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- .Values.fullnameOverride | default $full | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "netlens.selector" -}}
app.kubernetes.io/name: {{ include "netlens.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "netlens.labels" -}}
{{ include "netlens.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- end -}}

{{- define "netlens.metadata" -}}
name: {{ include "netlens.fullname" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "netlens.labels" . | nindent 2 }}
{{- end -}}

{{/* The configuration file: `config` with what the other values say beneath it. */}}
{{- define "netlens.config" -}}
{{- $http := dict "listen" .Values.listen -}}
{{- if .Values.http.tokenSecret.name }}{{ $_ := set $http "tokenFile" "/etc/netlens-token/token" }}{{ end -}}
{{- if .Values.http.tlsSecret.name -}}
{{- $_ := set $http "certificate" "/etc/netlens-tls/tls.crt" -}}
{{- $_ := set $http "key" "/etc/netlens-tls/tls.key" -}}
{{- end -}}
{{- if .Values.http.insecure }}{{ $_ := set $http "insecure" true }}{{ end -}}
{{- $config := dict "http" $http "events" (dict "json" "stdout") "recorder" (dict "files" 0) -}}
{{- with .Values.podLabels }}{{ $_ := set $config "pods" (dict "labels" .) }}{{ end -}}
{{- $otlp := dict -}}
{{- with .Values.otlp.endpoint }}{{ $_ := set $otlp "endpoint" . }}{{ end -}}
{{- with .Values.otlp.protocol }}{{ $_ := set $otlp "protocol" . }}{{ end -}}
{{- if $otlp }}{{ $_ := set $config "otlp" $otlp }}{{ end -}}
{{- if .Values.btfFolder }}{{ $_ := set $config "ebpf" (dict "btf" "/etc/netlens-btf") }}{{ end -}}
{{- mergeOverwrite $config (deepCopy .Values.config) | toYaml -}}
{{- end -}}

{{/* Address and port of the HTTP server, the port as a number. */}}
{{- define "netlens.address" -}}
{{- $config := include "netlens.config" . | fromYaml -}}
{{- regexReplaceAll ":[0-9]+$" $config.http.listen "" -}}
{{- end -}}

{{- define "netlens.port" -}}
{{- $config := include "netlens.config" . | fromYaml -}}
{{- regexFind "[0-9]+$" $config.http.listen -}}
{{- end -}}

{{/* What a kubelet on this node asks: loopback where the server listens only there, else the node's address. */}}
{{- define "netlens.probe" -}}
httpGet:
  {{- if include "netlens.loopback" . }}
  host: {{ eq (include "netlens.address" .) "[::1]" | ternary "'::1'" "127.0.0.1" }}
  {{- end }}
  port: http
  {{- if include "netlens.tls" . }}
  scheme: HTTPS
  {{- end }}
{{- end -}}

{{- define "netlens.tls" -}}
{{- $config := include "netlens.config" . | fromYaml -}}
{{- with $config.http.certificate }}true{{ end -}}
{{- end -}}

{{/* What the agent itself would refuse at its start, node by node. */}}
{{- define "netlens.guarded" -}}
{{- $http := (include "netlens.config" . | fromYaml).http -}}
{{- $guarded := and (or $http.token $http.tokenFile) $http.certificate $http.key -}}
{{- if not (or (include "netlens.loopback" .) $guarded $http.insecure) -}}
{{- fail (printf "listen: %s can be reached from other machines: set http.tokenSecret.name and http.tlsSecret.name, or http.insecure: true" $http.listen) -}}
{{- end -}}
{{- end -}}

{{- define "netlens.loopback" -}}
{{- if regexMatch "^(127\\.|\\[::1\\]|localhost)" (include "netlens.address" .) }}true{{ end -}}
{{- end -}}

{{/* Pods start anew when their configuration changes. Prometheus is told of them where it can reach them
     and needs no token, which annotations cannot carry. */}}
{{- define "netlens.annotations" -}}
{{- $annotations := dict "checksum/config" (include "netlens.config" . | sha256sum) -}}
{{- $http := (include "netlens.config" . | fromYaml).http -}}
{{- if and .Values.scrapeAnnotations (not (or (include "netlens.loopback" .) $http.token $http.tokenFile)) -}}
{{- $_ := set $annotations "prometheus.io/scrape" "true" -}}
{{- $_ := set $annotations "prometheus.io/port" (include "netlens.port" .) -}}
{{- $_ := set $annotations "prometheus.io/path" "/metrics" -}}
{{- $_ := set $annotations "prometheus.io/scheme" (empty $http.certificate | ternary "http" "https") -}}
{{- end -}}
{{- mergeOverwrite $annotations (deepCopy .Values.podAnnotations) | toYaml -}}
{{- end -}}

{{/* Takes the values of a monitor, and the root. */}}
{{- define "netlens.endpoint" -}}
{{- $http := .root.Values.http -}}
port: http
path: /metrics
interval: {{ .monitor.interval }}
{{- with .monitor.naming }}
params:
  naming: [{{ . }}]
{{- end }}
{{- if include "netlens.tls" .root }}
scheme: https
{{- end }}
{{- with $http.tlsSecret }}
{{- if .name }}
tlsConfig:
  ca:
    secret:
      name: {{ .name }}
      key: {{ .caKey }}
  {{- with .serverName }}
  serverName: {{ . }}
  {{- end }}
{{- end }}
{{- end }}
{{- with $http.tokenSecret }}
{{- if .name }}
authorization:
  credentials:
    name: {{ .name }}
    key: {{ .key }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "netlens.reachable" -}}
{{- if include "netlens.loopback" . -}}
{{- fail "podMonitor and serviceMonitor need a listen that Prometheus can reach, such as 0.0.0.0:9102" -}}
{{- end -}}
{{- end -}}

{{- define "netlens.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ printf "%s@%s" .repository .digest }}
{{- else }}{{ printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) }}
{{- end -}}
{{- end -}}
{{- end -}}
