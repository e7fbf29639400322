#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Shell scripts pass shellcheck.
set -eu
cd "$1"
command -v shellcheck >/dev/null || { echo "skipped: shellcheck is not installed"; exit 77; }
find test demo .ci tools tests bench -type f | while read -r file; do
	case $(head -c 64 "$file" | head -n 1 | tr -d '\0') in
	'#!/bin/sh'* | '#!/bin/bash'* | '#!/usr/bin/env bash'*) echo "$file" ;;
	esac
done | xargs shellcheck --severity=warning -x
