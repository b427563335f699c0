#!/bin/sh
# The containers that serve, now and from now on. Runs after the templates have been filled.
set -eu
replicas write
(while :; do replicas follow || sleep 1; done) &
