#pragma once
#include <libpq-fe.h>
#include "system.h"
