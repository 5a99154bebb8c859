from __future__ import annotations

from collections.abc import Callable

import pytest

from rocketship.errors import UsageError
from rocketship.profiles.model import Config, Profile, check_new_name

STAGING = Profile("staging", engine="grpcs://engine.example.com")
CONFIG = Config().put(STAGING)


def test_built_in_profile_is_always_there_and_active_at_first():
    assert Config().active == "local"
    assert Config().find("local") == Profile("local")
    assert CONFIG.names == ("local", "staging")


def test_unknown_profile_is_refused_with_the_nearest_name():
    with pytest.raises(UsageError) as caught:
        CONFIG.find("stagin")
    assert caught.value.message == 'there is no profile "stagin"'
    assert caught.value.hint == 'did you mean "staging"?'


def test_removing_the_active_profile_leads_back_to_local():
    assert CONFIG.use("staging").remove("staging") == Config()


def test_removing_another_profile_leaves_the_active_one():
    lab = Profile("lab", engine="grpc://lab")
    assert CONFIG.put(lab).use("lab").remove("staging") == Config("lab", {"lab": lab})


def test_renamed_profile_stays_active():
    renamed = CONFIG.use("staging").rename("staging", "stage")
    assert renamed.active == "stage"
    assert renamed.find("stage").engine == STAGING.engine
    assert renamed.names == ("local", "stage")


def test_renaming_onto_another_profile_is_refused():
    with pytest.raises(UsageError, match='there is a profile "lab" already'):
        CONFIG.put(Profile("lab", engine="h")).rename("staging", "lab")


@pytest.mark.parametrize(
    "change",
    [
        lambda: CONFIG.remove("local"),
        lambda: CONFIG.rename("local", "here"),
        lambda: check_new_name("local"),
    ],
)
def test_built_in_profile_cannot_be_changed(change: Callable[[], object]):
    with pytest.raises(UsageError, match="is built in"):
        change()


@pytest.mark.parametrize("name", ["", "Staging", "-a", ".a", "a b", "a/b", "ä", "a" * 65])
def test_name_that_no_profile_can_have_is_refused(name: str):
    with pytest.raises(UsageError, match="cannot be the name"):
        check_new_name(name)


@pytest.mark.parametrize("name", ["a", "0", "eu-1.prod_2", "a" * 64])
def test_usual_names_are_accepted(name: str):
    check_new_name(name)
