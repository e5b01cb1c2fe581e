"""`warmlens page` tells where an environment's page is, and gives it the key."""

import json
from pathlib import Path

from tests.conftest import Cloud, run_warmlens


def deployed(cloud: Cloud, name: str, **outputs: str) -> None:
    ssm = cloud.client("ssm")
    for output, value in {"ApiUrl": "https://api.example/v1/", **outputs}.items():
        ssm.put_parameter(Name=f"/warmlens/{name}/{output}", Value=value, Type="String")


def test_the_local_page_is_where_the_local_cloud_is(cloud: Cloud) -> None:
    result = run_warmlens("page", "--env", "local", "--folder", str(cloud.folder))
    assert (result.returncode, result.stdout.strip()) == (0, cloud.url)


def test_a_page_in_aws_comes_with_the_key_that_its_api_asks_for(
    cloud: Cloud, shell: dict[str, str]
) -> None:
    key = cloud.client("apigateway").create_api_key(name="paged", enabled=True)
    web = {"WebUrl": "https://page.example", "ApiAuth": "api_key", "ApiKeyId": key["id"]}
    deployed(cloud, "paged", **web)
    result = run_warmlens("page", "--env", "paged", "--json", **shell)
    assert json.loads(result.stdout) == {"url": f"https://page.example/#key={key['value']}"}


def test_an_environment_without_a_page_says_so(cloud: Cloud, shell: dict[str, str]) -> None:
    deployed(cloud, "pageless", ApiAuth="none")
    result = run_warmlens("page", "--env", "pageless", **shell)
    assert result.returncode == 3
    assert "pageless has no page" in result.stderr


def test_an_environment_that_is_not_there_says_so(shell: dict[str, str], tmp_path: Path) -> None:
    for name, variables in (("nowhere", shell), ("local", {})):
        arguments = ("page", "--env", name, "--folder", str(tmp_path), "--json")
        result = run_warmlens(*arguments, **variables)
        assert result.returncode == 3
        assert json.loads(result.stdout)["error"]["code"] == "not_found"
