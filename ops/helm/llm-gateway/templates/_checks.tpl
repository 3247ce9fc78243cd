{{- /* What the gateway would refuse at its start, or what would be wrong without a word. */ -}}
{{- define "llm-gateway.checks" -}}
{{- $several := or .Values.autoscaling.enabled (gt (int .Values.replicaCount) 1) (gt (int .Values.workers) 1) -}}
{{- if and $several (not .Values.secretEnv.REDIS_URL) -}}
{{- fail "replicaCount, workers, autoscaling: more than one needs REDIS_URL in secretEnv, or each would count quotas for itself" -}}
{{- end -}}
{{- if not (or .Values.secretEnv.API_KEYS .Values.secretEnv.REDIS_URL .Values.config .Values.configSecret) -}}
{{- fail "no client could ask: give API_KEYS in secretEnv, or [[clients]] in configSecret" -}}
{{- end -}}
{{- if and .Values.config .Values.configSecret -}}
{{- fail "config, configSecret: only one of them can be llm-gateway.toml" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (lt (int .Values.autoscaling.maxReplicas) (int .Values.autoscaling.minReplicas)) -}}
{{- fail "autoscaling: maxReplicas is less than minReplicas" -}}
{{- end -}}
{{- end -}}
