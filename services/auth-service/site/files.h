/* files: what pages load of this site: style sheets and the brand's picture. */
#ifndef COUNTERSIGN_AUTH_SERVICE_SITE_FILES_H
#define COUNTERSIGN_AUTH_SERVICE_SITE_FILES_H

#include "loop/flow.h"

/* GET /style.css, /brand.css, /logo.png: kept by browsers for ever where the address names what is in it. */
extern const struct step files_style[];
extern const struct step files_brand_style[];
extern const struct step files_logo[];

#endif
