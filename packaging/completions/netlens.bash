# Completion of netlens for bash. The program itself says what may come next.
_netlens() {
  local word=${COMP_WORDS[COMP_CWORD]} line=${COMP_LINE:0:COMP_POINT} suggestion
  COMPREPLY=()
  while IFS= read -r suggestion; do
    # Options only to whom begins one, and never the spellings of other systems.
    [[ $suggestion != -* || $word == -* ]] && [[ $suggestion != /* && $suggestion == "$word"* ]] &&
      COMPREPLY+=("$suggestion")
  done < <("${COMP_WORDS[0]}" "[suggest:${#line}]" "$line" 2>/dev/null)
}
complete -o bashdefault -o default -F _netlens netlens
