#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/test_oathtool.sh - what the OTP adapter enrolls and accepts, against
# oathtool, which is how phones compute it.
. "$(dirname "$0")/tap.sh"

command -v oathtool >/dev/null || {
    echo "1..0 # SKIP oathtool is not installed"
    exit 0
}
codes=$builddir/tests/otp_codes
[ -x "$codes" ] || bail_out "tests/otp_codes is not built"

# Each line: algorithm, secret in base32, digits, time, code of the adapter.
wrong=
count=0
while read -r algorithm secret digits time code; do
    count=$((count + 1))
    seen=$(oathtool --totp="$algorithm" --base32 --digits="$digits" \
        --now="@$time" "$secret")
    [ "$seen" = "$code" ] ||
        wrong+="$algorithm $digits @$time: $code, oathtool says $seen"$'\n'
done < <("$codes")
none "oathtool agrees on every TOTP code" "${wrong%$'\n'}"
[ "$count" -ge 90 ] && pass "there were $count codes to compare" ||
    fail "there were codes to compare" "only $count"
finish
