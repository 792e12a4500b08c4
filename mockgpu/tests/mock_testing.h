/* What the mock's tests share: the backend under test. */
#ifndef STERNA_MOCK_TESTING_H
#define STERNA_MOCK_TESTING_H

#include "mock_driver.h"

static inline const sterna_backend_api *mock_api(void)
{
    return sterna_backend_mock_entry(STERNA_ABI_VERSION);
}

#endif
