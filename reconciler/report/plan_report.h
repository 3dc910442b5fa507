/* Plans for people: text and Markdown of the same structs as the JSON document. */
#ifndef EK_REPORT_PLAN_REPORT_H
#define EK_REPORT_PLAN_REPORT_H

#include "reconciler/document/planned.h"

/* Append the plan as text: at most 100 columns, the totals as the last line. */
void ek_plan_text(const struct ek_plan_set *set, bool colour, struct ek_buffer *text);

/* Append a comment for a pull request, with its marker. As long as it has to be: comment.h splits.
 */
void ek_plan_markdown(const struct ek_plan_set *set, struct ek_buffer *text);

#endif
