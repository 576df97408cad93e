"""What the emulator forgets, brought back after each deployment; and on the first start the workspace to develop with.

`run` is called by the supervisor. The work is done by `python -m infra.local.rebuild <root>`, a process of its own: it uses
the domain's use cases under the environment of the deployed functions.
"""

import json
import os
import sys
from pathlib import Path

from infra.deployed import adopt, local_access
from infra.local import mails, messages, processes
from infra.local.paths import DOMAIN, REPO
from infra.local.running import Cloud, load, read_dev_json, write_dev_json
from infra.settings import settings_of

REBUILD_S = 120
STACK = "oppulence-tenancy"
OWNER = "owner@example.com"
WORKSPACE = "Development"
RECIPIENTS = ["*@example.com"]


def run(cloud: Cloud) -> None:
    """Fill an emulator to which the platform has just been deployed.

    Raises:
        ChildError: it failed; the message ends with what was printed.
    """
    if STACK not in cloud.outputs:
        return  # another template than the platform's
    keep_clickhouse_secret(cloud)
    cloud.save()
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{REPO}{os.pathsep}{DOMAIN}", "PYTHONUTF8": "1", **local_access(cloud)}
    log = cloud.state / "rebuild.log"
    log.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "infra.local.rebuild", cloud.root]
    processes.run("rebuild", argv, log, processes.Launch(env=env, cwd=REPO), REBUILD_S)
    messages.bring_back(cloud)


def remember(cloud: Cloud) -> None:
    """Before an emulator stops: write down what it holds and nobody else does."""
    if STACK in cloud.outputs:
        messages.keep(cloud)
        mails.keep(Path(cloud.root))


def keep_clickhouse_secret(cloud: Cloud) -> None:
    """The template names a secret that its operator makes: here that is us."""
    client, name = cloud.client("secretsmanager"), settings_of("local").clickhouse_secret
    value = json.dumps({"username": cloud.clickhouse.username, "password": cloud.clickhouse.password})
    try:
        client.create_secret(Name=name, SecretString=value)
    except client.exceptions.ResourceExistsException:
        client.put_secret_value(SecretId=name, SecretString=value)


def main() -> None:
    """Seed, then bring back the doors' table and the machines."""
    cloud = load(Path(sys.argv[1]))
    functions = cloud.client("lambda")
    adopt(functions, "tenancy")
    seed_workspace(cloud)
    adopt(functions, "connections")
    print(f"doors: {rebuild_doors()}")
    adopt(functions, "recovery")
    print(f"machines: {restart_machines()}")


def seed_workspace(cloud: Cloud) -> None:
    """The development workspace with its owner's key; found again by `dev.json`, made anew when it or its key is gone."""
    from oppulence.kernel import auth
    from oppulence.kernel.errors import AuthenticationError
    from oppulence.kernel.oidc import DEVELOPMENT_ISSUER, Claims
    from oppulence.kernel.uow import Actor, Scope, in_transaction
    from oppulence.tenancy import workspaces
    from oppulence.tenancy.models import Mode, Settings

    kept = read_dev_json(cloud.state)
    if "api_key" in kept:
        try:
            auth.authenticate("tenancy", f"Bearer {kept['api_key']}", None)
        except AuthenticationError as error:
            print(f"the owner key in dev.json is no longer valid ({error}): a new workspace is made")
        else:
            return
    claims = Claims(DEVELOPMENT_ISSUER, f"dev|{OWNER}", OWNER, "Development owner")
    owner = Actor("user", claims.user_id)
    person = auth.Person(claims.issuer, claims.subject, claims.email, claims.name)
    made, issued = workspaces.create(Scope("tenancy", None, owner), person, WORKSPACE, Mode.TEST)
    settings = Settings(test_recipients=RECIPIENTS)
    in_transaction(Scope("tenancy", made.id, owner), lambda uow: workspaces.change(uow, None, settings))
    write_dev_json(cloud.state, workspace_id=made.id, api_key=issued.secret, stripe={})


def rebuild_doors() -> int:
    """The connection table, from PostgreSQL."""
    from oppulence.connections import doors

    return doors.rebuild()


def restart_machines() -> dict[str, int]:
    """The machine of every open case."""
    from oppulence.kernel.uow import Scope
    from oppulence.recovery import machines

    return machines.restart_machines(Scope("recovery", None))


if __name__ == "__main__":
    main()
