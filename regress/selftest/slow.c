/* A program that is slower by a known share: every run of a session takes STERNA_SLOW_PERCENT longer. Linked in front of
 * the shipped code with --wrap=sterna_session_run; the shipped program holds nothing of it. */
#include "base/sys.h"
#include "sterna.h"

sterna_status __real_sterna_session_run(sterna_session *session, const sterna_batch *batch,
                                        sterna_fault *fault);
sterna_status __wrap_sterna_session_run(sterna_session *session, const sterna_batch *batch,
                                        sterna_fault *fault);

sterna_status __wrap_sterna_session_run(sterna_session *session, const sterna_batch *batch,
                                        sterna_fault *fault)
{
    double began = sterna_sys_now();
    sterna_status status = __real_sterna_session_run(session, batch, fault);
    double until = sterna_sys_now() + (sterna_sys_now() - began) * STERNA_SLOW_PERCENT / 100;
    while (sterna_sys_now() < until) {}
    return status;
}
