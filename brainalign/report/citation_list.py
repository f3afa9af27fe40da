"""Numbered citations, in order of first use."""

SCHUETT = (
    "Schütt HH, Kipnis AD, Diedrichsen J, Kriegeskorte N (2023). Statistical inference on representational "
    "geometries. eLife 12:e82566. doi:10.7554/eLife.82566"
)
HOLM = (
    "Holm S (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics "
    "6:65-70."
)
BENJAMINI_HOCHBERG = (
    "Benjamini Y, Hochberg Y (1995). Controlling the false discovery rate: a practical and powerful approach to "
    "multiple testing. Journal of the Royal Statistical Society B 57:289-300. doi:10.1111/j.2517-6161.1995.tb02031.x"
)
BENJAMINI_YEKUTIELI = (
    "Benjamini Y, Yekutieli D (2001). The control of the false discovery rate in multiple testing under dependency. "
    "Annals of Statistics 29:1165-1188. doi:10.1214/aos/1013699998"
)
WESTFALL_YOUNG = (
    "Westfall PH, Young SS (1993). Resampling-based multiple testing: examples and methods for p-value adjustment. "
    "New York: Wiley."
)
MOGSTAD = (
    "Mogstad M, Romano JP, Shaikh AM, Wilhelm D (2024). Inference for ranks with applications to mobility across "
    "neighbourhoods and academic achievement across countries. Review of Economic Studies 91:476-518. "
    "doi:10.1093/restud/rdad006"
)
MARIS_OOSTENVELD = (
    "Maris E, Oostenveld R (2007). Nonparametric statistical testing of EEG- and MEG-data. Journal of Neuroscience "
    "Methods 164:177-190. doi:10.1016/j.jneumeth.2007.03.024"
)
SMITH_NICHOLS = (
    "Smith SM, Nichols TE (2009). Threshold-free cluster enhancement: addressing problems of smoothing, threshold "
    "dependence and localisation in cluster inference. NeuroImage 44:83-98. doi:10.1016/j.neuroimage.2008.03.061"
)


class CitationList:
    """Hands out numbers: the same text always gets the same one."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def cite(self, *texts: str) -> str:
        """Return ``"[1]"`` or ``"[1, 2]"`` for ``texts``; empty texts are left out."""
        numbers = [str(self._numbers.setdefault(text, len(self._numbers) + 1)) for text in texts if text]
        return f"[{', '.join(numbers)}]" if numbers else ""

    @property
    def texts(self) -> tuple[str, ...]:
        """The citations in the order of their numbers."""
        return tuple(self._numbers)
