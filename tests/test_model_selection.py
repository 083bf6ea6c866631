import numpy as np
import pytest

from skgenre.model_selection import make_splitter

Y = np.repeat(["blues", "rock"], [10, 5])


def test_track_protocol_gives_each_fold_its_share_of_each_genre():
    folds = list(make_splitter("track", Y, n_splits=5, random_state=0).split(Y, Y))
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(15))
    for train, test in folds:
        assert not set(train) & set(test)
        assert sorted(Y[test]) == ["blues", "blues", "rock"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"protocol": "paper"}, "protocol must be one of 'track', got 'paper'"),
        ({"n_splits": 6}, "got n_splits=6 and 5 of 'rock'"),
        ({"n_splits": 1}, "n_splits must be at least 2, got 1"),
        ({"target": ["rock"] * 9}, "at least two genres, got .*rock"),
        ({"target": []}, r"at least two genres, got \[\] in 0 tracks"),
    ],
)
def test_protocol_that_cannot_be_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_splitter(**{"protocol": "track", "target": Y, **arguments})
