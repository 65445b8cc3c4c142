"""What kustomize makes of a directory, held against the schemas of Kubernetes, strictly; then as JSON, as kubectl reads it.

Usage: render.py KUSTOMIZE DIRECTORY. Status 1 and a line for each difference where a schema says otherwise.
"""

import json
import subprocess
import sys

import kubernetes_validate
import yaml

# The oldest that has all that is used, and the newest whose schema is here.
VERSIONS = ["1.30", "1.37"]


def main(kustomize, directory):
    text = subprocess.run([kustomize, "build", directory], check=True, stdout=subprocess.PIPE, timeout=60).stdout
    objects = list(yaml.safe_load_all(text))
    wrong = [line for found in objects for version in VERSIONS for line in differences(found, version)]
    print("\n".join(wrong), file=sys.stderr)
    # What a ConfigMap holds is looked into, too.
    for found in objects:
        for name, content in (found["data"] if found["kind"] == "ConfigMap" else {}).items():
            found.setdefault("parsed", {})[name] = yaml.safe_load(content)
    json.dump(objects, sys.stdout)
    return 1 if wrong else 0


def differences(found, version):
    name = f"{found['kind']} {found['metadata']['name']} ({version})"
    try:
        if not kubernetes_validate.validate(found, version, strict=True).startswith(version):
            yield f"{name}: there is no schema of this version"
    except kubernetes_validate.ValidationError as error:
        yield f"{name}: {'.'.join(map(str, error.path))}: {error.message}"


sys.exit(main(*sys.argv[1:]))
