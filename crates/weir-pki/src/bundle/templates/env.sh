# The connection of {{ principal }} as environment variables, with paths: `. ./env.sh` in this directory, or from elsewhere
# in bash and zsh. env-inline.sh is the form without files.
weir_bundle=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE:-$0}")" && pwd)
[ -f "$weir_bundle/bundle.json" ] || weir_bundle=$PWD
[ -f "$weir_bundle/bundle.json" ] || echo "env.sh: source it in its own directory" >&2
export KAFKA_BOOTSTRAP_SERVERS="{{ bootstrap }}"
export KAFKA_SECURITY_PROTOCOL="SSL"
export KAFKA_SSL_CA_LOCATION="$weir_bundle/{{ ca }}"
export KAFKA_SSL_CERTIFICATE_LOCATION="$weir_bundle/{{ certificate }}"
export KAFKA_SSL_KEY_LOCATION="$weir_bundle/{{ key }}"
export KAFKA_TOPICS="{{ topics | join(",") }}"
export KAFKA_GROUP_ID="{{ group_id }}"
export KAFKA_AUTO_OFFSET_RESET="{{ offset_reset }}"
unset weir_bundle
