"""One definition of a Claude Code configuration, written in several forms.

The definition (``schemas/client-config.schema.json``) names the variables,
the file that holds the credential, and what must not be set beside them.
"""

from __future__ import annotations

import json
from typing import Any

SCHEMA = "https://json.schemastore.org/claude-code-settings.json"
VSCODE = "claudeCode.environmentVariables"


def bash(definition: dict[str, Any]) -> str:
    lines = [f'export {name}="{value}"' for name, value in definition["env"].items()]
    credential = definition["credential"]
    lines.append(f'export {credential["variable"]}="$(cat {credential["file"]})"')
    if definition["unset"]:
        lines.append(f"unset {' '.join(definition['unset'])}")
    return "\n".join(lines) + "\n"


def on_windows(definition: dict[str, Any]) -> dict[str, Any]:
    """The definition with the values that are other ones on Windows, such as paths."""
    return {**{key: value for key, value in definition.items() if key != "windows"}, "env": {**definition["env"], **definition.get("windows", {})}}


def powershell(definition: dict[str, Any]) -> str:
    definition = on_windows(definition)
    lines = [f'$env:{name} = "{value}"' for name, value in definition["env"].items()]
    credential = definition["credential"]
    path = credential["file"].replace("~", "$HOME")
    lines.append(f'$env:{credential["variable"]} = (Get-Content "{path}" -Raw).Trim()')
    lines += [f"Remove-Item Env:{name} -ErrorAction SilentlyContinue" for name in definition["unset"]]
    return "\n".join(lines) + "\n"


#: Asks for a proxy's login, and puts it, encoded, into the address. Not Get-Credential, which takes the domain off a user's name.
LOGIN = ":".join(f"$([uri]::EscapeDataString(${part}))" for part in ("user", "password"))
ASKED = f"""$user = Read-Host "Proxy user"
$password = [System.Net.NetworkCredential]::new("", (Read-Host "Proxy password" -AsSecureString)).Password
$env:HTTPS_PROXY = "http://{LOGIN}@HOST"
Remove-Variable user
Remove-Variable password"""


def powershell_login(definition: dict[str, Any]) -> str:
    """The same as ``powershell``, for a proxy that asks for a login."""
    address = definition["env"]["HTTPS_PROXY"]
    return powershell(definition).replace(f'$env:HTTPS_PROXY = "{address}"', ASKED.replace("HOST", address.removeprefix("http://")))


def _settings(definition: dict[str, Any], credential: bool) -> str:
    env = {**definition["env"], **{name: "" for name in definition["unset"]}}
    data: dict[str, Any] = {"$schema": SCHEMA, "env": env}
    if credential:
        data["apiKeyHelper"] = f"cat {definition['credential']['file']}"
    return json.dumps(data, indent=2) + "\n"


def user_settings(definition: dict[str, Any]) -> str:
    return _settings(definition, credential=True)


def managed_settings(definition: dict[str, Any]) -> str:
    return _settings(definition, credential=True)


def project_settings(definition: dict[str, Any]) -> str:
    """Without the credential: this file is committed and read by everyone."""
    return _settings(definition, credential=False)


#: What a reader replaces in VS Code's settings.
PASTED = "paste-the-credential-here"


def vscode(definition: dict[str, Any]) -> str:
    """VS Code's user settings: the extension's variables, kept from being copied to other machines."""
    credential = {definition["credential"]["variable"]: PASTED}
    values = {**definition["env"], **credential, **dict.fromkeys(definition["unset"], "")}
    lines = ",\n".join(f"    {json.dumps({'name': name, 'value': value})}" for name, value in values.items())
    return f'{{\n  "{VSCODE}": [\n{lines}\n  ],\n  "settingsSync.ignoredSettings": ["{VSCODE}"]\n}}\n'


def vscode_windows(definition: dict[str, Any]) -> str:
    return vscode(on_windows(definition))


#: name -> (function, language)
CLIENT = {
    "bash": (bash, "bash"),
    "powershell": (powershell, "powershell"),
    "user-settings": (user_settings, "json"),
    "project-settings": (project_settings, "json"),
    "managed-settings": (managed_settings, "json"),
}
#: Renderings that only some definitions have.
ALL = {**CLIENT, "powershell-login": (powershell_login, "powershell"), "vscode": (vscode, "json"), "vscode-windows": (vscode_windows, "json")}


def save(text: str, name: str) -> str:
    """A command that writes a file, for a reader who has only a terminal."""
    return f"cat > {name} <<'EOF'\n{text}EOF\n"
