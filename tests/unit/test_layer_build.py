"""The layers as they are built: complete, compiled, for both architectures, and always the same.

The imports run in an interpreter that sees the artefact and the standard library and nothing else:
the local engine and these tests have more on their path, so a dependency that the layer forgets would
be noticed in AWS only.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import marshal
import os
import re
import subprocess
import sys
from pathlib import Path
from types import CodeType
from typing import Any

import build
import pytest
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.session import get_session

import leaner
from leaner import OPERATIONS

ROOT = Path(__file__).resolve().parents[2]
LAYERS = {"JobyardLayer": "jobyard", "RunnerLayer": "jobyard", "OidcLayer": "oidc"}
CLIENT_MAKERS = {"layers/jobyard/jobyard/aws.py"}
"""Where `create_client` may be called with a variable: everyone else calls these with a literal."""

FUNCTION_ENVIRONMENT = {
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "TABLE_NAME": "table",
    "BUCKET_NAME": "bucket",
    "STATE_MACHINE_ARN": "arn:aws:states:eu-west-1:123456789012:stateMachine:jobs",
    "WORKFLOW_FUNCTION_PREFIX": "jobyard-workflow-",
    "TOKEN_LIFETIME_SECONDS": "3600",
    "RETENTION_DAYS": "30",
    "AUDIT_DAYS": "365",
    "DEFAULT_ROLE": "Viewer",
    "POWERTOOLS_SERVICE_NAME": "jobyard",
    "POWERTOOLS_METRICS_NAMESPACE": "Jobyard",
}

pytestmark = pytest.mark.xdist_group("layer-build")


def make_layer(name: str, out: Path, **environment: str) -> Path:
    """Build one layer as `sam build` does, and return its `python` folder."""
    command = [
        "make",
        "--silent",
        "-C",
        str(ROOT / "layers" / LAYERS[name]),
        f"build-{name}",
        f"ARTIFACTS_DIR={out}",
    ]
    search = f"{os.environ['PATH']}{os.pathsep}{ROOT / '.local' / 'uv' / 'bin'}"
    env = os.environ | {"PYTHON": sys.executable, "PATH": search} | environment
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out / "python"


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: make_layer(name, tmp_path_factory.mktemp(name)) for name in LAYERS}


def contents(tree: Path) -> dict[str, tuple[str, int, int]]:
    """Every file and folder with its hash, mode and date."""
    return {
        str(path.relative_to(tree)): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            path.stat().st_mode,
            int(path.stat().st_mtime),
        )
        for path in tree.rglob("*")
    }


def run_bare(code: str, *path: Path, **environment: str) -> str:
    """The output of `code` in an interpreter without site-packages, its `sys.path` begun with `path`."""
    code = f"import sys\nsys.path[:0] = {[str(folder) for folder in path]!r}\n{code}"
    command = [sys.executable, "-I", "-S", "-B", "-W", "error", "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def modules(tree: Path) -> list[str]:
    """The dotted names of the modules under a package's folder, the package first."""
    names = (path.relative_to(tree.parent).with_suffix("") for path in sorted(tree.rglob("*.py")))
    return [".".join(name.parts).removesuffix(".__init__") for name in names if name.name != "__main__"]


@pytest.mark.parametrize("name", LAYERS)
def test_every_module_has_bytecode_that_is_never_checked_against_its_source(name: str, layers: dict[str, Path]) -> None:
    sources = list(layers[name].rglob("*.py"))
    assert sources
    for source in sources:
        cached = Path(importlib.util.cache_from_source(str(source)))
        raw = cached.read_bytes()
        assert raw[:4] == importlib.util.MAGIC_NUMBER, source
        assert int.from_bytes(raw[4:8], "little") == 0b01, f"{source} is checked by date or content"
        assert raw[8:16] == importlib.util.source_hash(source.read_bytes()), source
        code = marshal.loads(raw[16:])
        assert isinstance(code, CodeType)
        assert code.co_filename == f"/opt/python/{source.relative_to(layers[name])}"


@pytest.mark.parametrize("name", LAYERS)
def test_two_builds_are_equal(name: str, layers: dict[str, Path], tmp_path: Path) -> None:
    again = make_layer(name, tmp_path / "elsewhere", PYTHONHASHSEED="7")
    assert contents(again) == contents(layers[name])


@pytest.mark.parametrize("name", LAYERS)
def test_extensions_are_there_for_both_architectures(name: str, layers: dict[str, Path]) -> None:
    stems: dict[str, set[str]] = {}
    for path in layers[name].rglob("*.so*"):
        tagged = re.fullmatch(r"(.+)\.cpython-313-(x86_64|aarch64)-linux-gnu\.so", path.name)
        assert tagged, f"{path.name} would shadow, or be shadowed by, the other architecture's"
        stems.setdefault(tagged[1], set()).add(tagged[2])
        machine = int.from_bytes(path.read_bytes()[18:20], "little")
        assert machine == {"x86_64": 0x3E, "aarch64": 0xB7}[tagged[2]], f"{path.name} is no {tagged[2]} code"
    expected = {
        "JobyardLayer": {"_pydantic_core"},
        "RunnerLayer": set(),
        "OidcLayer": {"_rust", "_cffi_backend"},
    }
    assert stems == {stem: {"x86_64", "aarch64"} for stem in expected[name]}


def test_the_runner_layer_is_our_package_alone(layers: dict[str, Path]) -> None:
    assert [path.name for path in layers["RunnerLayer"].iterdir()] == ["jobyard"]


def test_botocore_has_the_data_of_the_listed_services_only(layers: dict[str, Path]) -> None:
    data = layers["JobyardLayer"] / "botocore" / "data"
    assert {path.name for path in data.iterdir() if path.is_dir()} == set(OPERATIONS)
    endpoints = json.loads((data / "endpoints.json").read_bytes())
    named = {service for partition in endpoints["partitions"] for service in partition["services"]}
    assert named == {"dynamodb", "kms", "lambda", "s3", "scheduler", "sqs", "states"}


def test_code_makes_clients_of_the_listed_services_only_and_without_boto3() -> None:
    files = [*ROOT.glob("layers/jobyard/jobyard/**/*.py"), *ROOT.glob("functions/**/*.py")]
    used = set()
    for file in files:
        name = str(file.relative_to(ROOT))
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=[argument, *_]) if called in (
                    "client",
                    "create_client",
                    "resource",
                ):
                    literal = argument.value if isinstance(argument, ast.Constant) else None
                    assert literal or name in CLIENT_MAKERS, f"{name}:{node.lineno}: name the service literally"
                    used.add(literal)
                case ast.Import(names=names):
                    assert "boto3" not in {alias.name for alias in names}, f"{name}: boto3 is not in the layer"
                case ast.ImportFrom(module=str(module)):
                    assert module.partition(".")[0] != "boto3", f"{name}: boto3 is not in the layer"
    assert used - {None} == set(OPERATIONS), "layers/jobyard/leaner.py lists OPERATIONS of what code uses"


def test_the_listed_operations_are_those_that_code_asks_for() -> None:
    names = {xform_name(name): (service, name) for service in OPERATIONS for name in _all_operations(service)}
    asked = set()
    for file in [*ROOT.glob("layers/jobyard/jobyard/**/*.py"), *ROOT.glob("functions/**/*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            # Called, or given by name: to a paginator, for a link that is signed.
            match node:
                case ast.Attribute(attr=word) | ast.Constant(value=str(word)) if word in names:
                    asked.add(names[word])
    assert asked == {(service, name) for service, listed in OPERATIONS.items() for name in listed}


def _all_operations(service: str) -> list[str]:
    return list(get_session().get_service_model(service).operation_names)


def test_a_cut_model_says_of_its_operations_what_the_whole_one_says(layers: dict[str, Path]) -> None:
    data = layers["JobyardLayer"] / "botocore" / "data"
    loader = Loader(extra_search_paths=[str(data)], include_default_search_paths=False)
    for service, listed in OPERATIONS.items():
        cut = ServiceModel(loader.load_service_model(service, "service-2"), service)
        whole = get_session().get_service_model(service)
        assert sorted(cut.operation_names) == sorted(listed)
        for name in listed:
            for of in ("input_shape", "output_shape"):
                told, meant = (getattr(model.operation_model(name), of) for model in (cut, whole))
                assert _told(told) == _told(meant), f"{of} of {name}"


def _told(shape: Any, above: tuple[str, ...] = ()) -> Any:
    """A shape and all that it leads to, without documentation."""
    if shape is None or shape.name in above:
        return shape and shape.name
    parts = {
        **getattr(shape, "members", {}),
        **{name: getattr(shape, name, None) for name in ("member", "key", "value")},
    }
    below = {name: _told(part, (*above, shape.name)) for name, part in parts.items()}
    return shape.name, shape.type_name, shape.serialization, shape.metadata, below


STARTS = ("get", "list", "messages", "cancel", "submit", "drive", "count")
RECORDING = """
import json, re, re._compiler
compiled = []
compile_ = re._compiler.compile
def recorded(pattern, flags=0):
    compiled.append(str(pattern))
    return compile_(pattern, flags)
import jobyard
re._compiler.compile = recorded
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the layers' extension modules are Linux's")
@pytest.mark.parametrize("function", STARTS)
def test_no_start_compiles_a_pattern(function: str, layers: dict[str, Path]) -> None:
    path = ROOT / "functions" / function, layers["JobyardLayer"]
    told = run_bare(f"{RECORDING}import app\nprint(json.dumps(compiled))", *path, **FUNCTION_ENVIRONMENT)
    assert json.loads(told.splitlines()[-1]) == []


def test_patterns_of_the_build_are_what_the_interpreter_would_make(layers: dict[str, Path]) -> None:
    code = """
import re, re._compiler
before = set(re._cache)
import jobyard
made = {key: pattern for key, pattern in re._cache.items() if key not in before}
assert len(made) > 80, len(made)
for (_, pattern, flags), found in made.items():
    # Patterns are equal where their flags and the code that they run are.
    assert found == re._compiler.compile(pattern, flags), pattern
    assert found.groupindex == re._compiler.compile(pattern, flags).groupindex, pattern
"""
    run_bare(code, layers["JobyardLayer"], **FUNCTION_ENVIRONMENT)


def test_an_interpreter_with_another_format_of_patterns_compiles_its_own(layers: dict[str, Path]) -> None:
    code = """
import _sre, re
_sre.MAGIC += 1
before = len(re._cache)
import jobyard
print(len(re._cache) - before)
"""
    assert run_bare(code, layers["JobyardLayer"], **FUNCTION_ENVIRONMENT).strip() == "0"


def test_documentation_of_a_client_is_loaded_when_it_is_asked_for(layers: dict[str, Path]) -> None:
    code = """
import sys
from jobyard.aws import client
made = client("dynamodb")
assert "botocore.docs.method" not in sys.modules
print(made.get_item.__doc__)
assert "botocore.docs.method" in sys.modules
"""
    assert "TableName" in run_bare(code, layers["JobyardLayer"], **FUNCTION_ENVIRONMENT)


def test_an_import_that_is_not_there_to_be_put_off_fails_the_build(tmp_path: Path) -> None:
    for name in leaner.DEFERRED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("import os\n")
    with pytest.raises(leaner.LeanError, match="has no plain import from"):
        leaner.defer(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="the layers' extension modules are Linux's")
def test_every_module_imports_from_the_layers_alone(layers: dict[str, Path]) -> None:
    names = modules(layers["JobyardLayer"] / "jobyard")
    assert "jobyard.store.jobs" in names
    path = layers["JobyardLayer"], layers["OidcLayer"]
    imports = "\n".join(f"import {name}" for name in names)
    assert strangers(run_bare(imports + PRINT_LOADED, *path, **FUNCTION_ENVIRONMENT), *path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the layers' extension modules are Linux's")
@pytest.mark.parametrize("function", [path.parent.name for path in sorted(ROOT.glob("functions/*/app.py"))])
def test_every_handler_imports_from_its_layer_alone(function: str, layers: dict[str, Path]) -> None:
    path = ROOT / "functions" / function, layers["JobyardLayer"]
    loaded = run_bare("import app" + PRINT_LOADED, *path, **FUNCTION_ENVIRONMENT)
    assert strangers(loaded, *path) == []


PRINT_LOADED = """
print("\\n".join(m.__file__ for m in sys.modules.values() if getattr(m, "__file__", None)))
"""


def strangers(loaded: str, *path: Path) -> list[str]:
    """The loaded files that are neither under `path` nor in the standard library."""
    standard = run_bare("print('\\n'.join(sys.path))").split()
    return [file for file in loaded.split() if not file.startswith((*map(str, path), *standard))]


@pytest.mark.skipif(sys.platform != "linux", reason="the layers' extension modules are Linux's")
def test_every_listed_service_has_a_working_client(layers: dict[str, Path]) -> None:
    out = run_bare(
        f"""
import json
from botocore.session import get_session
session = get_session()
clients = {{name: session.create_client(name) for name in {OPERATIONS!r}}}
signed = clients["s3"].generate_presigned_url("get_object", Params={{"Bucket": "b", "Key": "k"}})
print(json.dumps([client.meta.endpoint_url for client in clients.values()] + [signed]))
""",
        layers["JobyardLayer"],
        **FUNCTION_ENVIRONMENT,
    )
    *endpoints, signed = json.loads(out)
    assert endpoints == [
        "https://dynamodb.eu-west-1.amazonaws.com",
        "https://kms.eu-west-1.amazonaws.com",
        "https://lambda.eu-west-1.amazonaws.com",
        "https://s3.eu-west-1.amazonaws.com",
        "https://scheduler.eu-west-1.amazonaws.com",
        "https://sqs.eu-west-1.amazonaws.com",
        "https://states.eu-west-1.amazonaws.com",
    ]
    assert "Signature=" in signed


def test_the_runner_needs_only_the_runtimes_botocore(layers: dict[str, Path], tmp_path: Path) -> None:
    for name in ("botocore", "jmespath", "dateutil", "urllib3", "six.py"):
        (tmp_path / name).symlink_to(layers["JobyardLayer"] / name)
    names = [name for name in modules(layers["RunnerLayer"] / "jobyard") if name.startswith("jobyard.runner")]
    assert "jobyard.runner" in names
    imports = "\n".join(f"import {name}" for name in names)
    run_bare(imports, layers["RunnerLayer"], tmp_path, **FUNCTION_ENVIRONMENT)


@pytest.mark.skipif(sys.platform != "linux", reason="the layers' extension modules are Linux's")
def test_the_oidc_layer_checks_an_rsa_signature(layers: dict[str, Path]) -> None:
    code = """
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
key = rsa.generate_private_key(65537, 2048)
token = jwt.encode({"sub": "a"}, key, algorithm="RS256")
print(jwt.decode(token, key.public_key(), algorithms=["RS256"])["sub"])
"""
    assert run_bare(code, layers["OidcLayer"]).strip() == "a"


def test_package_metadata_is_found(layers: dict[str, Path]) -> None:
    out = run_bare("from importlib.metadata import version\nprint(version('botocore'))", layers["JobyardLayer"])
    assert out.strip() == pins("layers/jobyard/requirements.txt")["botocore"]


def pins(path: str) -> dict[str, str]:
    text = (ROOT / path).read_text()
    return {name.lower(): version for name, version in re.findall(r"(?m)^([A-Za-z0-9._-]+)==(\S+)", text)}


@pytest.mark.parametrize("layer", ["jobyard", "oidc"])
def test_tests_run_on_the_versions_that_are_deployed(layer: str) -> None:
    deployed, tested = pins(f"layers/{layer}/requirements.txt"), pins("requirements/dev.txt")
    assert {name: tested.get(name) for name in deployed} == deployed


def test_only_documentation_is_taken_out_of_a_service_model() -> None:
    text = {"documentation": "text"}
    model = {
        **text,
        "operations": {"Get": {"name": "Get", "errors": [{"shape": "E", **text}], **text}},
        "shapes": {
            "documentation": {"type": "string", **text},
            "In": {"type": "structure", "members": {"documentation": {"shape": "documentation", **text}}},
            "members": {"type": "structure", "members": {"members": {"shape": "In", **text}}},
        },
        "clientContextParams": {"Accelerate": {"type": "boolean", **text}},
    }
    assert leaner._undocumented(model) == {
        "operations": {"Get": {"name": "Get", "errors": [{"shape": "E"}]}},
        "shapes": {
            "documentation": {"type": "string"},
            "In": {"type": "structure", "members": {"documentation": {"shape": "documentation"}}},
            "members": {"type": "structure", "members": {"members": {"shape": "In"}}},
        },
        "clientContextParams": {"Accelerate": {"type": "boolean", **text}},
    }


def test_architectures_whose_pure_part_differs_are_refused(tmp_path: Path) -> None:
    trees = {arch: tmp_path / arch for arch in build.ARCHITECTURES}
    for arch, tree in trees.items():
        tree.mkdir()
        (tree / "module.py").write_text(arch)
    with pytest.raises(build.BuildError, match=r"module\.py differs"):
        build.merge(trees, tmp_path / "out")


def test_a_module_that_does_not_compile_fails_the_build(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "broken.py").write_text("def f(:")
    with pytest.raises(build.BuildError, match=r"broken\.py does not compile"):
        build.build(tmp_path / "out", None, package)


def test_without_a_python_of_the_right_version_the_build_says_so(tmp_path: Path) -> None:
    command = [
        "make",
        "-C",
        str(ROOT / "layers" / "jobyard"),
        "build-RunnerLayer",
        f"ARTIFACTS_DIR={tmp_path}",
        "PYTHON=",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "no Python 3.13 found" in done.stderr
