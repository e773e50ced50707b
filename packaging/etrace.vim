" SPDX-License-Identifier: MIT-0
" A model of etrace-gen is YAML; automake knows it by the ending .etrace.
autocmd BufRead,BufNewFile *.etrace setfiletype yaml
