"""The ADEMP statement says what was asked, and nothing else."""

from __future__ import annotations

from pathlib import Path

from best_sim.questions.power.ademp import ademp_of
from best_sim.questions.power.ask import PowerQuestion

HEADINGS = ["Aims", "Data-generating mechanisms", "Estimands", "Methods", "Performance measures"]


def said(path: Path, text: str) -> dict[str, str]:
    path.write_text('scenario = "trial-as-run"\nreplicates = 40\nseed = 1\n' + text, encoding="utf-8")
    experiment = PowerQuestion.load(path)
    return ademp_of(experiment, experiment.scenario_of(experiment.designs[0]))


def test_every_analysis_has_its_estimand_and_its_method(tmp_path: Path) -> None:
    got = said(
        tmp_path / "ask.toml",
        """scorings = 5
[[analysis]]
name = "first"
outcome = "moves"
[[analysis]]
name = "those who comply"
outcome = "sdq"
method = "complier-average"
[[analysis]]
name = "imputed"
outcome = "sdq"
method = "multiple-imputation"
delta = 2.0
[[analysis]]
name = "cost"
outcome = "cost"
[[design]]
name = "fewer moves"
effect = 0.7
set = ["lift.declines=0.1"]
""",
    )
    assert list(got) == HEADINGS
    assert "390 families" in got["Aims"] and "4 ways" in got["Aims"]
    data = got["Data-generating mechanisms"]
    assert "fewer moves (placements.unplanned.lift_hazard_ratio = 0.7, lift.declines = 0.1)" in data
    assert "scored and analysed 5 times" in data and "by minimisation" in data
    assert "First: LIFT less services as usual, ratio (on the log scale) of moves in care" in got["Estimands"]
    assert "families that receive LIFT if and only if they are allocated to it" in got["Estimands"]
    assert "What is missing is imputed, LIFT's imputed outcomes shifted by 2" in got["Methods"]
    assert (
        "Cost: difference of means, families resampled. Nobody followed to the horizon is missing"
        in got["Methods"]
    )


def test_a_design_without_an_effect_says_so(tmp_path: Path) -> None:
    got = said(tmp_path / "ask.toml", '[[design]]\nname = "null"\neffect = 0.0\n')
    assert "null (no effect)" in got["Data-generating mechanisms"]
    assert "difference in means of SDQ" in got["Estimands"] and "at the last visit" in got["Estimands"]
