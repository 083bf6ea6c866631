"""The names under which the `fit` of a model takes groups."""

from sklearn import get_config
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

# Their `fit` hands groups to the splitter, and not to the candidates, which may differ
# in whether they take any.
SEARCHES = (GridSearchCV, RandomizedSearchCV)


def name_groups(model, groups):
    """Groups (n_tracks,) as keywords for a model's `fit`; none if it takes none."""
    if groups is None or get_config()["enable_metadata_routing"]:
        # With routing, models say themselves what they request, and would have to.
        return {}
    if isinstance(model, Pipeline):
        name, last = model.steps[-1]
        return {f"{name}__{key}": groups for key in name_groups(last, groups)}
    if isinstance(model, SEARCHES) or has_fit_parameter(model, "groups"):
        return {"groups": groups}
    return {}
