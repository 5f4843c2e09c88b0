# Completion of netlens for fish. The program itself says what may come next.
function __netlens_suggestions
    set -l line (commandline -cp)
    set -l word (commandline -ct)
    for suggestion in (netlens "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null)
        # Options only to whom begins one, and never the spellings of other systems.
        if string match -q -- '/*' $suggestion
            continue
        else if string match -q -- '-*' $suggestion; and not string match -q -- '-*' $word
            continue
        end
        echo $suggestion
    end
end
complete -c netlens -n 'test (count (__netlens_suggestions)) -gt 0' -f -a '(__netlens_suggestions)'
