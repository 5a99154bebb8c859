# Run by the suite beside it.
ready() {
  printf '%s is ready for %s\n' "$ROCKETSHIP_VAR_PROJECT" "{{ .vars.port }}"
}
ready
