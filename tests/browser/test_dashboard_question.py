"""Changing what the models are asked."""

import json
import re

from playwright.sync_api import Page, expect

from imgcap.labels import label_sets, read_labels
from tests.browser.dashboard import Dashboard
from tests.browser.voila_server import Server


def scores(dashboard: Dashboard) -> list[float]:
    saved = dashboard.download("JSON", within=dashboard.result)
    return [each["score"] for each in json.loads(saved.path().read_text())["predictions"]]


def test_other_labels_are_answered_without_another_caption(page: Page, server: Server) -> None:
    dashboard = Dashboard(page, server)
    dashboard.take_sample("cat")
    caption = dashboard.caption_timing()

    dashboard.use_labels("a teapot\na photo of a cat, a tractor")
    expect(dashboard.rows).to_have_count(3)
    expect(dashboard.rows.first).to_contain_text("a photo of a cat")
    assert sorted(dashboard.labels()) == ["a photo of a cat", "a teapot", "a tractor"]
    expect(dashboard.question.get_by_label("Label set")).to_have_value("Your own")
    expect(dashboard.feedback.locator("datalist option[value='a teapot']")).to_be_attached()

    animals = read_labels(label_sets()["animals"])
    dashboard.question.get_by_label("Label set").select_option("Animals")
    expect(dashboard.question.get_by_label("Labels", exact=True)).to_have_value("\n".join(animals))
    expect(dashboard.question.get_by_text(f"{len(animals)} labels in use.")).to_be_visible()
    expect(dashboard.result.get_by_text(f"and {len(animals) - 5} more labels")).to_be_visible()
    expect(dashboard.rows.first.locator("td").first).to_have_text("a cat")

    show_best = dashboard.question.get_by_label("Show best")
    show_best.fill("8")
    show_best.press("Enter")
    expect(dashboard.rows).to_have_count(8)
    expect(dashboard.marks("Horizontal bar")).to_have_count(9)
    assert dashboard.caption_timing() == caption


def test_a_list_that_cannot_be_used_gets_a_sentence_and_changes_nothing(
    page: Page, server: Server
) -> None:
    dashboard = Dashboard(page, server)
    dashboard.take_sample("cat")
    facts = dashboard.facts()
    for text, problem in (
        ("  \n , \n", "There is no label in the label list: give at least one."),
        ("a cat, a dog, A Cat", "The label “A Cat” is in the label list more than once."),
        (", ".join(f"thing {n}" for n in range(10_000)), "There are too many labels in the label"),
        ("x" * 201, "is 201 characters long; 200 is the most."),
    ):
        dashboard.use_labels(text)
        said = dashboard.question.get_by_role("alert").filter(has_text=problem)
        expect(said).to_contain_text("The labels from before stay in use.")
    assert dashboard.facts() == facts

    dashboard.use_labels("a 🐈 cat\nein Käfer\n猫\na <b>bold</b> label")
    expect(dashboard.rows).to_have_count(4)
    expect(dashboard.question.get_by_role("alert")).to_have_count(0)
    assert set(dashboard.labels()) == {"a 🐈 cat", "ein Käfer", "猫", "a <b>bold</b> label"}


def test_labels_are_asked_by_another_prompt_and_each_by_itself(page: Page, server: Server) -> None:
    dashboard = Dashboard(page, server)
    dashboard.take_sample("cat")
    caption, shared = dashboard.caption_timing(), scores(dashboard)
    dashboard.press("How labels are asked")
    prompt = dashboard.question.get_by_label("Prompt", exact=True)
    prompt.fill("a photo")
    prompt.press("Enter")
    expect(dashboard.question.get_by_role("alert")).to_contain_text(
        "has no {} for the label. The prompt from before stays in use."
    )
    prompt.fill("a blurred drawing of {} on a wall")
    timing = dashboard.timing()
    prompt.press("Enter")
    expect(dashboard.question.get_by_role("alert")).to_have_count(0)
    expect(dashboard.result.get_by_text(timing)).to_have_count(0)
    expect(dashboard.summary).to_be_visible()
    drawn = scores(dashboard)
    assert drawn != shared
    assert abs(sum(drawn) - 1) < 1e-3

    dashboard.choose_chart("Pie")
    dashboard.question.get_by_label("Several labels may fit").check()
    expect(dashboard.plot).to_contain_text("Each label was scored by itself")
    expect(dashboard.marks("Pie")).to_have_count(0)
    assert abs(sum(scores(dashboard)) - 1) > 1e-3
    dashboard.question.get_by_label("Average 5 prompts instead").check()
    expect(prompt).to_be_disabled()
    dashboard.question.get_by_label("Several labels may fit").uncheck()
    expect(dashboard.marks("Pie")).to_have_count(6)
    assert abs(sum(scores(dashboard)) - 1) < 1e-3
    assert dashboard.caption_timing() == caption


def test_a_caption_begins_and_ends_as_the_person_wants(page: Page, server: Server) -> None:
    dashboard = Dashboard(page, server)
    dashboard.take_sample("cat")
    plain, classified = dashboard.caption.inner_text(), dashboard.timing().split(" · ")[0]
    dashboard.press("How captions are written")
    prefix = dashboard.question.get_by_label("Begins with")
    prefix.fill("a very small painting of")
    prefix.press("Enter")
    expect(dashboard.caption).to_have_text(re.compile("^a very small painting of .+"))
    expect(dashboard.picture.locator("img")).to_have_attribute("alt", re.compile("^a very small"))

    prefix.fill("a " * 150)
    prefix.press("Enter")
    expect(dashboard.question.get_by_role("alert")).to_contain_text(
        "The caption's prefix can have 200 characters at most. The options from before stay in use."
    )
    prefix.fill("")
    prefix.press("Enter")
    expect(dashboard.caption).to_have_text(plain)
    expect(dashboard.question.get_by_role("alert")).to_have_count(0)

    before = dashboard.caption_timing()
    beams = dashboard.question.get_by_role("slider", name="Beams")
    beams.press("Home")
    expect(dashboard.question.get_by_role("textbox", name="Beams, as text")).to_have_text("1")
    expect(dashboard.result.get_by_text(before)).to_have_count(0)
    expect(dashboard.caption).to_be_visible()
    most = dashboard.question.get_by_role("slider", name="Length").last
    most.press("Home")
    expect(dashboard.question.get_by_role("alert")).to_contain_text("stay in use.")
    most.press("ArrowRight")
    expect(dashboard.caption).to_have_text(plain.split()[0])
    assert dashboard.timing().split(" · ")[0] == classified
