"""The command line: parse, one call of `manage`, show. Exit codes: 0 done, 1 refused or failed, 2 wrong usage."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from jobyard_cli.manage import ManageError
from jobyard_cli.target import Target, TargetError, choose

ROLES = ("NoAccess", "Viewer", "Member", "Artisan", "Curator")
TENANT = "default"

CLIENT_COLUMNS = ("clientId", "name", "role", "userId", "createdAt", "revokedAt")
WORKFLOW_COLUMNS = ("id", "name", "public", "owner", "runner", "createdAt")
KEY_COLUMNS = ("keyId", "name", "createdAt", "revokedAt")
SECRET_COLUMNS = ("secretId", "name", "bucket", "createdAt", "expiresAt", "revokedAt")
QUEUE_COLUMNS = ("tag", "slots", "paused", "running")
PROJECT_COLUMNS = ("projectKey", "projectId", "name", "workflowId", "bucket", "prefix", "createdAt")


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    try:
        target = choose(given.stack, given.region, given.profile)
        shown = given.run(target, given)
    except ManageError as error:
        return _failed(f"{error.field}: {error}" if error.field else str(error))
    except (TargetError, BotoCoreError, ClientError) as error:
        return _failed(str(error))
    try:
        print(shown, flush=True)
    except BrokenPipeError:
        # The reader, such as `head`, has enough. What Python would flush at its end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _failed(message: str) -> int:
    print(f"jobyard: {message}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--tenant", default=TENANT, help="whose clients and workflows (default: %(default)s)")
    common.add_argument("--stack", help="a deployed stack, by its name; without it, the local run (JOBYARD_STACK)")
    common.add_argument("--region", help="of the deployed stack")
    common.add_argument("--profile", help="the AWS profile that may see the stack and invoke its manage function")
    common.add_argument("--json", action="store_true", help="print JSON in place of a table")

    parser = argparse.ArgumentParser(
        prog="jobyard",
        description="Clients and workflows of Jobyard: of the local run (`make run`), or of a deployed stack.",
    )
    things = parser.add_subparsers(metavar="clients|workflows|keys|projects|secrets|queues|worker", required=True)

    clients = things.add_parser("clients", help="who may call the HTTP API").add_subparsers(required=True)
    create = clients.add_parser("create", parents=[common], help="make a client; its secret is shown this once")
    create.add_argument("--name", required=True, help="shown as the submitter of its jobs")
    create.add_argument("--role", required=True, choices=ROLES)
    create.add_argument("--user-id", help="24 hexadecimal digits; clients with the same one own the same jobs")
    create.set_defaults(run=_create_client)
    listed = clients.add_parser("list", parents=[common], help="all clients, without their secrets")
    listed.set_defaults(run=_list_clients)
    revoke = clients.add_parser("revoke", parents=[common], help="refuse a client and its tokens from now on")
    revoke.add_argument("client_id", metavar="ID")
    revoke.set_defaults(run=_revoke_client)

    workflows = things.add_parser("workflows", help="what jobs run").add_subparsers(required=True)
    register = workflows.add_parser("register", parents=[common], help="make a function's workflow known")
    register.add_argument("--name", required=True)
    runs = register.add_mutually_exclusive_group(required=True)
    runs.add_argument("--function", help="name of the Lambda; its stack's prefix may be left out")
    runs.add_argument("--state-machine", metavar="NAME", help="of a machine to run in its place; likewise")
    runs.add_argument("--queue", metavar="NAME", help="of an SQS queue that workers take its jobs from; likewise")
    register.add_argument(
        "--type", choices=("lambda", "callback"), default="lambda", help="of a function (%(default)s)"
    )
    register.add_argument("--heartbeat", type=int, metavar="SECONDS", help="for so long a worker may be silent")
    register.add_argument("--retries", type=int, metavar="N", help="begin work that failed again so often")
    register.add_argument("--retry-after", type=int, metavar="SECONDS", help="and for the first time after these")
    register.add_argument("--time-limit", type=int, metavar="SECONDS", help="of a run, all its retries included")
    register.add_argument("--private", action="store_true", help="for administrators and its owner only")
    register.add_argument("--owner", help="user id of the owner")
    register.add_argument("--settings", type=_json_object, metavar="JSON", help="an object, passed to the function")
    register.add_argument("--id", help="of a workflow that is to be replaced; without it a new one is made")
    register.set_defaults(run=_register_workflow)
    listed = workflows.add_parser("list", parents=[common], help="all workflows")
    listed.set_defaults(run=_list_workflows)
    _add_keys(things, common)
    _add_projects(things, common)
    _add_secrets(things, common)
    _add_queues(things, common)
    return parser


def _add_queues(things: Any, common: argparse.ArgumentParser) -> None:
    queues = things.add_parser("queues", help="how many jobs of a worker tag run at once").add_subparsers(required=True)
    listed = queues.add_parser("list", parents=[common], help="those that were needed or set")
    listed.set_defaults(run=_list_queues)
    change = queues.add_parser("set", parents=[common], help="change one; what is left out stays as it is")
    change.add_argument("--tag", default="", help="the worker tag (default: that of jobs without one)")
    slots = change.add_mutually_exclusive_group()
    slots.add_argument("--slots", type=int, help="how many of its jobs may run at once")
    slots.add_argument("--unlimited", action="store_true", help="any number of them may")
    paused = change.add_mutually_exclusive_group()
    paused.add_argument("--pause", dest="paused", action="store_true", default=None, help="begin no more of its jobs")
    paused.add_argument("--resume", dest="paused", action="store_false", help="go on")
    change.set_defaults(run=_set_queue)
    worker = things.add_parser("worker", parents=[common], help="run a command for each job that an SQS queue has")
    worker.add_argument("--queue", required=True, help="its name; the stack's prefix may be left out")
    worker.add_argument("--once", action="store_true", help="end after one job")
    worker.add_argument("command", nargs="+", metavar="COMMAND", help="gets the job as JSON on its standard input")
    worker.set_defaults(run=_work)


def _add_keys(things: Any, common: argparse.ArgumentParser) -> None:
    keys = things.add_parser("keys", help="API keys of the openreplay dialect").add_subparsers(required=True)
    create = keys.add_parser("create", parents=[common], help="make a key of all the tenant; it is shown this once")
    create.add_argument("--name", required=True, help="shown as the submitter of its jobs")
    create.set_defaults(run=_create_key)
    listed = keys.add_parser("list", parents=[common], help="all keys, by their ids")
    listed.set_defaults(run=_list_keys)
    revoke = keys.add_parser("revoke", parents=[common], help="refuse a key from now on")
    revoke.add_argument("key_id", metavar="ID")
    revoke.set_defaults(run=_revoke_key)


def _add_projects(things: Any, common: argparse.ArgumentParser) -> None:
    projects = things.add_parser("projects", help="of the openreplay dialect").add_subparsers(required=True)
    create = projects.add_parser("create", parents=[common], help="make a project; its key is part of its URLs")
    create.add_argument("--name", required=True)
    create.add_argument("--workflow", required=True, metavar="ID", help="what erases the data of one of its users")
    create.add_argument("--bucket", help="where that data is, if not where the workflow's settings say")
    create.add_argument("--prefix", help="a folder in the bucket, with a slash at its end; each user has one in it")
    create.set_defaults(run=_create_project)
    listed = projects.add_parser("list", parents=[common], help="all projects")
    listed.set_defaults(run=_list_projects)


def _add_secrets(things: Any, common: argparse.ArgumentParser) -> None:
    secrets = things.add_parser("secrets", help="of the tencent dialect's clients").add_subparsers(required=True)
    create = secrets.add_parser("create", parents=[common], help="make a SecretId and SecretKey; shown this once")
    create.add_argument("--name", required=True, help="shown as the submitter of its jobs")
    create.add_argument("--bucket", help="taken where the Host of a request names none")
    create.add_argument("--lifetime", type=int, metavar="SECONDS", help="make a temporary one, which has a token too")
    create.set_defaults(run=_create_secret)
    listed = secrets.add_parser("list", parents=[common], help="all secrets, by their SecretIds")
    listed.set_defaults(run=_list_secrets)
    revoke = secrets.add_parser("revoke", parents=[common], help="refuse a secret from now on")
    revoke.add_argument("secret_id", metavar="ID")
    revoke.set_defaults(run=_revoke_secret)


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError('must be an object, such as {"delimiter": ";"}')
    return value


def _create_client(target: Target, given: argparse.Namespace) -> str:
    made = target.manage.call("clients.create", given.tenant, name=given.name, role=given.role, userId=given.user_id)
    if given.json:
        return _json(made)
    return _pairs(made) + "\nThe secret cannot be shown again."


def _list_clients(target: Target, given: argparse.Namespace) -> str:
    found = target.manage.call("clients.list", given.tenant)
    return _json(found) if given.json else _table(CLIENT_COLUMNS, found, f"No clients in tenant {given.tenant}.")


def _revoke_client(target: Target, given: argparse.Namespace) -> str:
    revoked = target.manage.call("clients.revoke", given.tenant, clientId=given.client_id)
    return _json(revoked) if given.json else _pairs(revoked)


def _register_workflow(target: Target, given: argparse.Namespace) -> str:
    name = given.state_machine or given.queue or given.function
    if not name.startswith(target.workflow_prefix):
        name = target.workflow_prefix + name
    runner: dict[str, Any] = {"type": given.type, "functionName": name}
    if given.state_machine:
        runner = {"type": "stateMachine", "stateMachineName": name}
    elif given.queue:
        runner = {"type": "sqs", "queueName": name}
    if given.heartbeat is not None:
        runner["heartbeatSeconds"] = given.heartbeat
    retries = None
    if given.retries is not None:
        retries = {"times": given.retries} | ({"seconds": given.retry_after} if given.retry_after is not None else {})
    made = target.manage.call(
        "workflows.register",
        given.tenant,
        name=given.name,
        id=given.id,
        owner=given.owner,
        public=False if given.private else None,
        runner=runner,
        settings=given.settings,
        retries=retries,
        timeLimitSeconds=given.time_limit,
    )
    return _json(made) if given.json else _pairs(made)


def _list_workflows(target: Target, given: argparse.Namespace) -> str:
    found = target.manage.call("workflows.list", given.tenant)
    return _json(found) if given.json else _table(WORKFLOW_COLUMNS, found, f"No workflows in tenant {given.tenant}.")


def _create_key(target: Target, given: argparse.Namespace) -> str:
    made = target.manage.call("keys.create", given.tenant, name=given.name)
    return _json(made) if given.json else _pairs(made) + "\nThe key cannot be shown again."


def _list_keys(target: Target, given: argparse.Namespace) -> str:
    found = target.manage.call("keys.list", given.tenant)
    return _json(found) if given.json else _table(KEY_COLUMNS, found, f"No API keys in tenant {given.tenant}.")


def _revoke_key(target: Target, given: argparse.Namespace) -> str:
    revoked = target.manage.call("keys.revoke", given.tenant, keyId=given.key_id)
    return _json(revoked) if given.json else _pairs(revoked)


def _create_project(target: Target, given: argparse.Namespace) -> str:
    place = {"bucket": given.bucket, "prefix": given.prefix}
    made = target.manage.call("projects.create", given.tenant, name=given.name, workflowId=given.workflow, **place)
    return _json(made) if given.json else _pairs(made)


def _list_projects(target: Target, given: argparse.Namespace) -> str:
    found = target.manage.call("projects.list", given.tenant)
    return _json(found) if given.json else _table(PROJECT_COLUMNS, found, f"No projects in tenant {given.tenant}.")


def _create_secret(target: Target, given: argparse.Namespace) -> str:
    more = {"bucket": given.bucket, "lifetimeSeconds": given.lifetime}
    made = target.manage.call("secrets.create", given.tenant, name=given.name, **more)
    return _json(made) if given.json else _pairs(made) + "\nThe SecretKey cannot be shown again."


def _list_secrets(target: Target, given: argparse.Namespace) -> str:
    found = target.manage.call("secrets.list", given.tenant)
    return _json(found) if given.json else _table(SECRET_COLUMNS, found, f"No secrets in tenant {given.tenant}.")


def _revoke_secret(target: Target, given: argparse.Namespace) -> str:
    revoked = target.manage.call("secrets.revoke", given.tenant, secretId=given.secret_id)
    return _json(revoked) if given.json else _pairs(revoked)


def _list_queues(target: Target, given: argparse.Namespace) -> str:
    found = target.manage.call("queues.list", given.tenant)
    return _json(found) if given.json else _table(QUEUE_COLUMNS, found, f"No queues in tenant {given.tenant}.")


def _set_queue(target: Target, given: argparse.Namespace) -> str:
    change = {"tag": given.tag, "slots": given.slots, "paused": given.paused, "unlimited": given.unlimited or None}
    made = target.manage.call("queues.set", given.tenant, **change)
    return _json(made) if given.json else _pairs(made)


def _work(target: Target, given: argparse.Namespace) -> str:
    from jobyard_cli.worker import work

    name = given.queue if given.queue.startswith(target.workflow_prefix) else target.workflow_prefix + given.queue
    return work(target.environment, name, given.command, once=given.once)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _pairs(thing: dict[str, Any]) -> str:
    width = max(len(name) for name in thing)
    return "\n".join(f"{name:<{width}}  {_cell(name, value)}" for name, value in thing.items())


def _table(columns: Sequence[str], things: Sequence[dict[str, Any]], none: str) -> str:
    if not things:
        return none
    shown = [column for column in columns if any(thing.get(column) is not None for thing in things)]
    rows = [shown] + [[_cell(column, thing.get(column)) for column in shown] for thing in things]
    widths = [max(len(row[index]) for row in rows) for index in range(len(shown))]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cell(name: str, value: Any) -> str:
    if value is None or value == "":
        return "-"
    if name.endswith("At") and isinstance(value, int):
        # Epoch milliseconds.
        return datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    if name == "runner" and isinstance(value, dict):
        return f"{value.get('type')} {str(value.get('arn', value.get('functionName', ''))).rpartition(':')[2]}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
