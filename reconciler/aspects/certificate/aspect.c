/* The aspect as the kernel knows it. */
#include "reconciler/kernel/aspect.h"

#include "reconciler/aspects/certificate/fields.h"
#include "reconciler/aspects/certificate/state.h"
#include "reconciler/aspects/certificate/steps.h"

extern const struct ek_restart_rules ek_certificate_restarts;
extern const struct ek_observer ek_certificate_observer;
extern const struct ek_show ek_certificate_show;

const struct ek_aspect ek_aspect_certificate = {
    .name = "certificate",
    .sizes = {[EK_PART_WHOLE] = sizeof(struct ek_certificates),
              [EK_PART_MEMBERS] = sizeof(struct ek_member_certificates)},
    .fields = ek_certificate_fields,
    .steps = ek_certificate_steps,
    .restarts = &ek_certificate_restarts,
    .observer = &ek_certificate_observer,
    .show = &ek_certificate_show,
};
