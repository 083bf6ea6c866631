/* Of equal matches, pages that people wrote come before generated ones, and before those
   that mention everything. The values are Sphinx's own. */
var Scorer = {
  score: ([docname, , , , score]) => {
    if (/^(changelog|developing)$/.test(docname)) return score - 4;
    return docname.startsWith("generated/") ? score - 1 : score;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
