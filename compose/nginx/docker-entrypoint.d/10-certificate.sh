#!/bin/sh
# A self-signed certificate, where the operator has brought none; a new one a month before it ends.
set -eu
subject="/O=Brainstem, self-signed"
if [ -s "$CERTIFICATE" ]; then
    openssl x509 -in "$CERTIFICATE" -noout -subject -nameopt RFC2253 | grep -q "self-signed" || exit 0
    openssl x509 -in "$CERTIFICATE" -noout -checkend 2592000 >/dev/null && exit 0
fi
name=${PUBLIC_HOST%:*}
case $name in
    *[!0-9.]*) names="DNS:$name,DNS:localhost,IP:127.0.0.1" ;;
    *) names="IP:$name,DNS:localhost,IP:127.0.0.1" ;;
esac
umask 077
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 397 \
    -subj "$subject" -addext "subjectAltName=$names" -addext "extendedKeyUsage=serverAuth" \
    -keyout "$CERTIFICATE_KEY.new" -out "$CERTIFICATE.new" 2>/dev/null
mv "$CERTIFICATE_KEY.new" "$CERTIFICATE_KEY"
mv "$CERTIFICATE.new" "$CERTIFICATE"
echo "$0: made a self-signed certificate for $names" >&2
