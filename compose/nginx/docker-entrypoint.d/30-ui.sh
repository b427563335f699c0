#!/bin/sh
# The user interface of this image, into the volume that nginx serves: an upgrade replaces it there
# without a restart. Files of the version before stay for a month, for pages that are open.
set -eu
cd /usr/share/nginx/ui
mkdir -p /srv/ui/assets
find . -mindepth 1 -maxdepth 1 ! -name 'index.html*' -exec cp -r {} /srv/ui/ \;
find /srv/ui/assets -type f -mtime +30 -delete
for page in index.html.gz index.html; do
    cp "$page" "/srv/ui/$page.new"
    mv "/srv/ui/$page.new" "/srv/ui/$page"
done
