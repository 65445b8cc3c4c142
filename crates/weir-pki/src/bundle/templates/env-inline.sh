# The connection of {{ principal }} as environment variables that hold PEM itself: for jobs that have an environment and no
# files. librdkafka takes them as ssl.ca.pem, ssl.certificate.pem and ssl.key.pem, Java as ssl.truststore.certificates,
# ssl.keystore.certificate.chain and ssl.keystore.key, both stores of type PEM.
{% if key_included %}
# This file holds the private key: for your user alone.
{% else %}
# Your key never left you: source this where {{ key }} is.
{% endif %}
export KAFKA_BOOTSTRAP_SERVERS="{{ bootstrap }}"
export KAFKA_SECURITY_PROTOCOL="SSL"
export KAFKA_SSL_CA_PEM='{{ ca_pem }}'
export KAFKA_SSL_CERTIFICATE_PEM='{{ certificate_pem }}'
{% if key_included %}
export KAFKA_SSL_KEY_PEM='{{ key_pem }}'
{% else %}
KAFKA_SSL_KEY_PEM="$(cat -- {{ key }})"
export KAFKA_SSL_KEY_PEM
{% endif %}
export KAFKA_TOPICS="{{ topics | join(",") }}"
export KAFKA_GROUP_ID="{{ group_id }}"
export KAFKA_AUTO_OFFSET_RESET="{{ offset_reset }}"
