#!/bin/sh
# Plays a registration with nothing but curl, openssl and jq: the raw exchange of a signed assertion for a token.
set -eu

fail() { echo "$1" >&2; exit 1; }
base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
ask() { curl --silent --show-error --fail-with-body --cacert "$SSL_CERT_FILE" "$@"; }
graph() { # METHOD PATH [BODY]
  method=$1 path=$2
  shift 2
  ask --request "$method" --header "Authorization: Bearer $token" ${1:+--header "Content-Type: application/json" --data "$1"} "$FOREIGN_ORIGIN/v1.0$path"
}
scope='https://graph.microsoft.com/.default'
endpoint="$FOREIGN_ORIGIN/$FOREIGN_TENANT_ID/oauth2/v2.0/token"

# What other providers ask first.
ask "$FOREIGN_ORIGIN/metadata/endpoints?api-version=2022-09-01" |
  jq -e --arg origin "$FOREIGN_ORIGIN" '.authentication.loginEndpoint, .microsoftGraphResourceId | rtrimstr("/") == $origin' >/dev/null ||
  fail "the cloud metadata does not lead here"
echo "ok: the cloud metadata"

token=$(ask --data-urlencode grant_type=client_credentials --data-urlencode "client_id=$FOREIGN_CLIENT_ID" \
  --data-urlencode "client_secret=$FOREIGN_CLIENT_SECRET" --data-urlencode "scope=$scope" "$endpoint" | jq -er .access_token)
echo "ok: a token by secret"

key=$(openssl x509 -in "$FOREIGN_CERTIFICATE" -outform DER | openssl base64 -A)
app=$(graph POST /applications "{\"displayName\": \"Interop shell\", \"keyCredentials\": [{\"type\": \"AsymmetricX509Cert\", \"usage\": \"Verify\", \"key\": \"$key\"}]}")
id=$(echo "$app" | jq -er .id) client_id=$(echo "$app" | jq -er .appId)
graph POST /servicePrincipals "{\"appId\": \"$client_id\"}" >/dev/null
echo "ok: registering"

now=$(date +%s)
x5t=$(openssl x509 -in "$FOREIGN_CERTIFICATE" -outform DER | openssl dgst -sha1 -binary | base64url)
header=$(printf '{"alg":"RS256","typ":"JWT","x5t":"%s"}' "$x5t" | base64url)
claims=$(printf '{"aud":"%s","iss":"%s","sub":"%s","jti":"%s","nbf":%d,"exp":%d}' "$endpoint" "$client_id" "$client_id" "$(openssl rand -hex 16)" "$now" $((now + 300)) | base64url)
signature=$(printf '%s.%s' "$header" "$claims" | openssl dgst -sha256 -sign "$FOREIGN_CERTIFICATE" -binary | base64url)
by_certificate() { # ASSERTION
  curl --silent --show-error --cacert "$SSL_CERT_FILE" --data-urlencode grant_type=client_credentials --data-urlencode "client_id=$client_id" \
    --data-urlencode client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \
    --data-urlencode "client_assertion=$1" --data-urlencode "scope=$scope" "$endpoint"
}
by_certificate "$header.$claims.$signature" | jq -e '.access_token and .token_type == "Bearer"' >/dev/null || fail "the assertion is refused"
echo "ok: a token by certificate"

by_certificate "$header.$claims.$(printf x | base64url)" | jq -e '.error == "invalid_client" and (.error_codes | length) == 1' >/dev/null ||
  fail "an assertion with a wrong signature is not refused as Entra does"
echo "ok: a wrong signature"

graph DELETE "/applications/$id"
for item in "$id" $(graph GET /directory/deletedItems/microsoft.graph.servicePrincipal | jq -r '.value[].id'); do
  graph DELETE "/directory/deletedItems/$item"
done
echo "ok: the end"
