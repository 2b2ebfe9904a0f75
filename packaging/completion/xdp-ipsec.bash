# SPDX-License-Identifier: BSD-2-Clause
# bash completion for xdp-ipsec: the program itself knows what may come next.

_xdp_ipsec()
{
	local line cur=${COMP_WORDS[COMP_CWORD]}
	local -a words=("${COMP_WORDS[@]:1:COMP_CWORD}")

	COMPREPLY=()
	while IFS= read -r line; do
		if [[ $line == :files ]]; then
			compopt -o filenames 2>/dev/null
			mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
		else
			COMPREPLY+=("${line%%$'\t'*}")
		fi
	done < <("${COMP_WORDS[0]}" help complete "${words[@]}" 2>/dev/null)
}

complete -F _xdp_ipsec xdp-ipsec
