#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# No common misspellings in documents, comments and messages.
set -eu
cd "$1"
command -v codespell >/dev/null || { echo "skipped: codespell is not installed"; exit 77; }
codespell --skip='./build*,*/spelling.sh,./.git,*/corpus/*,*.tests' \
	--ignore-words-list='creat,ro,te,ans,fo,hist,pres,inout,nd,dout,ser,clos,unx,statics,isnt,raed,nam,filesytem' \
	src include tests tools docs bench policies ./*.md test demo
