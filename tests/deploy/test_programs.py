"""The files in `deploy`, read by the programs that they are for, or by their linters: `make deploy-check`.

No image is built and no Pod is started: that takes an engine.
"""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from dragoman.config import from_tables
from tests.cli.shell import REPOSITORY
from tests.deploy.programs import FILES, PROGRAMS, ran

CHART = FILES / "helm" / "dragoman"
KUBERNETES = ("1.27", "1.31", "1.34")
INDEX = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or "proxy" in name.lower()}
"""Where pip finds packages on this machine."""

SECRET = ("--set", "secrets.DRAGOMAN_GATEWAY_API_KEYS=key-one", "--set", "secrets.UP_API_KEY=sk-1")
ALL = """
secrets: {A: b}
autoscaling: {enabled: true}
networkPolicy:
  enabled: true
  from: [{podSelector: {matchLabels: {a: b}}}]
  egress: [{ports: [{port: 9000, protocol: TCP}]}]
serviceMonitor: {enabled: true, keySecret: {name: a, key: b}}
env: [{name: A, value: b}]
podLabels: {a: b}
podAnnotations: {a: b}
imagePullSecrets: [{name: a}]
nodeSelector: {a: b}
tolerations: [{key: a, operator: Exists}]
affinity: {podAntiAffinity: {}}
topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: DoNotSchedule}]
"""
WAYS = {
    "as it is": SECRET,
    "with everything": ("--values", "-"),
    "with a Secret of another": ("--set", "existingSecret=mine"),
}


def rendered(*words: str, kubernetes: str = "1.31") -> list[dict]:  # type: ignore[type-arg]  # whatever YAML has
    done = ran("helm", "template", "release", CHART, "--kube-version", f"{kubernetes}.0", *words, stdin=ALL)
    assert done.returncode == 0, done.stdout
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def test_the_image_s_recipe_is_a_good_one() -> None:
    done = ran("hadolint", "--no-color", FILES / "Dockerfile")
    assert (done.stdout, done.returncode) == ("", 0)


def test_hadolint_sees_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:latest\nRUNN pip install x\n")
    assert ran("hadolint", tmp_path / "Dockerfile").returncode != 0


@pytest.mark.timeout(600)
def test_the_steps_of_the_image_make_a_program_that_serves(tmp_path: Path) -> None:
    """Its first stage without an engine: the same commands in a folder, with a Python that has nothing else in it."""
    stage = (FILES / "Dockerfile").read_text().split("\nFROM ")[1]
    steps = re.findall(r"^(COPY|RUN) ((?:.*\\\n)*.*)$", stage, re.MULTILINE)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "python"], check=True)
    source = tmp_path / "src"
    source.mkdir()
    for kind, words in steps:
        if kind == "COPY":
            *names, place = words.split()
            (source / place).mkdir(exist_ok=True)
            for name in names:
                whole = (REPOSITORY / name).is_dir()
                subprocess.run(["cp", "-r", *(["-T"] if whole else []), REPOSITORY / name, source / place], check=True)
            continue
        line = words.replace("/opt/", f"{tmp_path}/opt/").replace("/dist", f"{tmp_path}/dist")
        environ = {"PATH": f"{tmp_path}/python/bin:{os.environ['PATH']}", "HOME": str(tmp_path), **INDEX}
        done = subprocess.run(["sh", "-ec", line], cwd=source, env=environ, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
    program = tmp_path / "opt" / "dragoman" / "bin" / "dragoman"
    refused = subprocess.run(
        [program, "serve"], env={"DRAGOMAN_GATEWAY_HOST": "0.0.0.0"}, text=True, capture_output=True, check=False
    )
    assert (refused.returncode, "gateway.api_keys" in refused.stderr) == (3, True)
    assert not list((tmp_path / "opt").rglob("bin/pip*"))
    assert not list((tmp_path / "opt").rglob("flit_core"))


@pytest.mark.parametrize(("change", "good"), [("", True), ("    prots: [x]\n", False)])
def test_the_compose_file_is_one(change: str, good: bool) -> None:
    text = (FILES / "compose.yaml").read_text().replace("    init: true\n", f"    init: true\n{change}")
    code = "import compose_spec, sys; compose_spec.PyCompose.from_yaml(sys.stdin.read()).validate()"
    done = subprocess.run([PROGRAMS / "python", "-c", code], input=text, text=True, capture_output=True, check=False)
    assert (done.returncode == 0) is good, done.stderr


def test_systemd_reads_the_units(tmp_path: Path) -> None:
    program = tmp_path / "dragoman"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for name in ("dragoman.service", "dragoman.socket"):
        text = (FILES / "systemd" / name).read_text().replace("/opt/dragoman/bin/dragoman", str(program))
        (tmp_path / name).write_text(text)
    done = ran("systemd-analyze", "verify", tmp_path / "dragoman.service", tmp_path / "dragoman.socket")
    assert (done.stdout, done.returncode) == ("", 0)
    wrong = tmp_path / "wrong.service"
    wrong.write_text((tmp_path / "dragoman.service").read_text().replace("ProtectClock=yes", "ProtectClocks=yes"))
    assert "ProtectClocks" in ran("systemd-analyze", "verify", wrong).stdout


def test_the_service_is_well_shut_in() -> None:
    unit = FILES / "systemd" / "dragoman.service"
    done = ran("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)
    assert done.returncode == 0, done.stdout


def test_helm_finds_nothing_wrong_with_the_chart() -> None:
    done = ran("helm", "lint", "--strict", CHART, *SECRET)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("kubernetes", KUBERNETES)
@pytest.mark.parametrize("way", WAYS)
def test_kubernetes_takes_what_the_chart_makes(way: str, kubernetes: str, tmp_path: Path) -> None:
    made = rendered(*WAYS[way], kubernetes=kubernetes)
    kinds = [each["kind"] for each in made]
    # A ServiceMonitor is no part of Kubernetes, and has no schema here.
    known = [each for each in made if each["kind"] != "ServiceMonitor"]
    path = tmp_path / "made.yaml"
    path.write_text(yaml.safe_dump_all(known))
    done = ran("kubernetes-validate", "--strict", "-k", kubernetes, path)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("passed") == len(known)
    assert len(set(kinds)) == len(kinds)


def test_a_pod_gets_its_settings_and_its_time() -> None:
    made = {each["kind"]: each for each in rendered(*SECRET, "--set", "drain=20", "--set", "grace=300")}
    pod = made["Deployment"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    environ = {each["name"]: each["value"] for each in container["env"]}
    secrets = made["Secret"]["stringData"]
    config = from_tables(tomllib.loads(made["ConfigMap"]["data"]["dragoman.toml"]), environ | secrets)
    assert (config.providers["up"].api_key, config.models["fast"].targets) == ("sk-1", ("up/gpt-4o-mini",))
    assert (environ["DRAGOMAN_GATEWAY_DRAIN"], environ["DRAGOMAN_GATEWAY_GRACE"]) == ("20", "300")
    assert pod["terminationGracePeriodSeconds"] >= 20 + 300 + 2
    assert container["envFrom"] == [{"secretRef": {"name": made["Secret"]["metadata"]["name"]}}]
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    for name in ("livenessProbe", "startupProbe"):
        assert container[name]["httpGet"]["path"] == "/health/live"
    # Unready is seen by `failureThreshold` probes, and drain must be longer than that.
    probe = container["readinessProbe"]
    drain = yaml.safe_load((CHART / "values.yaml").read_text())["drain"]
    assert probe["periodSeconds"] * probe["failureThreshold"] < drain


WRONG = ("drain=soon", "grace=0", "replicas=3", "service.port=0", "secrets.lower=x", "autoscaling.min=1")


@pytest.mark.parametrize("wrong", WRONG)
def test_values_that_mean_nothing_are_refused(wrong: str) -> None:
    done = ran("helm", "template", "release", CHART, "--kube-version", "1.31.0", "--set", wrong)
    assert done.returncode != 0
    assert wrong.partition("=")[0].rpartition(".")[2] in done.stdout


def test_a_change_of_the_settings_makes_new_pods() -> None:
    def marks(*words: str) -> dict[str, str]:
        deployment = next(each for each in rendered(*words) if each["kind"] == "Deployment")
        found: dict[str, str] = deployment["spec"]["template"]["metadata"]["annotations"]
        return found

    before = marks(*SECRET)
    assert before != marks(*SECRET, "--set", "config=[gateway]")
    assert before != marks("--set", "secrets.UP_API_KEY=sk-2")
    assert before == marks(*SECRET, "--set", "replicaCount=5")
