#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The manual pages are valid: scdoc reads them, and mandoc finds no error in the result.
set -eu
cd "$1"
for tool in scdoc mandoc; do
	command -v $tool >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
done
for page in docs/man/*.scd; do
	scdoc <"$page" | mandoc -T lint -W error
done
