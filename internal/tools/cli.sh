#!/bin/sh
# cli.sh prints the Terraform CLI of this checkout: $TERRAFORM if that is set, else terraform, else tofu on PATH. Where
# there is none, OpenTofu is built once, from the versions in this folder's go.mod, into .cache.
#
# cli.sh --opentofu prints that OpenTofu, whatever else there is.
#
# cli.sh COMMAND... runs a command with that CLI chosen for acceptance tests, and with nothing else of the caller's
# Terraform settings.
set -eu

tools=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname -- "$(dirname -- "$tools")")
unset TF_CLI_ARGS TF_DATA_DIR TF_WORKSPACE TF_REATTACH_PROVIDERS TF_LOG TF_LOG_PATH
export TF_CLI_CONFIG_FILE="$tools/cli.tfrc" CHECKPOINT_DISABLE=1

build_tofu() {
  tofu=$root/.cache/tofu/tofu$(go env GOEXE)
  if [ ! -x "$tofu" ] || [ "$tools/go.mod" -nt "$tofu" ]; then
    echo "Building OpenTofu, once, into $tofu" >&2
    mkdir -p "$root/.cache/tofu"
    # Without this mark OpenTofu calls itself a development version, which satisfies no version constraint.
    GOFLAGS='' go -C "$tools" build -ldflags '-s -w -X github.com/opentofu/opentofu/version.dev=no' -o "$tofu" github.com/opentofu/opentofu/cmd/tofu >&2
  fi
  echo "$tofu"
}

if [ "${1:-}" = --opentofu ]; then
  build_tofu
  exit
fi

if [ -n "${TERRAFORM:-}" ]; then
  cli=$(command -v "$TERRAFORM") || { echo "TERRAFORM=$TERRAFORM is not a program" >&2; exit 1; }
elif cli=$(command -v terraform) || cli=$(command -v tofu); then
  :
else
  cli=$(build_tofu)
fi

about=$("$cli" version -json)
version=$(printf '%s\n' "$about" | sed -n 's/.*"terraform_version": *"\([0-9.]*\).*/\1/p')
case $version in
  0.* | 1.[0-9].* | 1.10.*) echo "$cli is version $version; version 1.11 or later is needed. Set TERRAFORM to another one." >&2; exit 1 ;;
esac

if [ $# -eq 0 ]; then
  echo "$cli"
  exit
fi

# The namespace is the one that a configuration without required_providers means, as some test steps have none.
export TF_ACC=1 TF_ACC_TERRAFORM_PATH="$cli" TF_ACC_PROVIDER_NAMESPACE=hashicorp
case $("$cli" version) in
  OpenTofu*) export TF_ACC_PROVIDER_HOST=registry.opentofu.org ;;
  *) export TF_ACC_PROVIDER_HOST=registry.terraform.io ;;
esac
echo "Terraform CLI: $cli $version" >&2
exec "$@"
