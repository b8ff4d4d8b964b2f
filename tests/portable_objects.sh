#!/usr/bin/env bash
# portable_objects.sh OBJECT...: says which functions of the kernels' objects could kill a program on an older processor.
# Of a function that several objects define (inline, or of a template) the linker keeps any one copy for the whole
# program; so one that is not of the namespace of an instruction set must not use AVX registers.
set -euo pipefail
(($#)) || { echo "no objects to look at" >&2; exit 2; }
found=0
for object; do
  shared=$(nm --defined-only "$object" | awk '$2 ~ /^[WVu]$/ && $3 !~ /6avx512|4avx2|_avx512|_avx2|_amx/ { print $3 }')
  [[ -n $shared ]] || continue
  bad=$(objdump -d --no-show-raw-insn "$object" | awk -v names="$shared" '
    BEGIN { n = split(names, list, "\n"); for (i = 1; i <= n; ++i) watched[list[i]] = 1 }
    /^[0-9a-f]+ <.*>:$/ { name = $2; gsub(/[<>:]/, "", name); look = name in watched; next }
    look && /%[yz]mm|\tv[a-z]/ { print name; look = 0 }')
  for name in $bad; do
    printf '%s: %s\n' "$object" "$(c++filt "$name")" >&2
    found=1
  done
done
exit $found
