# SPDX-License-Identifier: GPL-2.0
#
# What people type; "make help" lists it.  The kernel's build system reads Kbuild.

VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)

# The running kernel's headers, else the newest installed.
KDIR ?= $(firstword $(wildcard /lib/modules/$(shell uname -r)/build) \
	$(shell ls -d /lib/modules/*/build /usr/src/linux-headers-*-amd64 \
		2>/dev/null | sort -rV))
RELEASE = $(shell cat $(KDIR)/include/config/kernel.release)
SRCDIR = $(DESTDIR)/usr/src/pheap-$(VERSION)
KBUILD = $(MAKE) -C $(KDIR) M=$(CURDIR)

all: kdir
	$(KBUILD) modules

kdir:
	@test -e "$(KDIR)/Makefile" || { \
		echo "No kernel headers found. Either install them:" \
			"apt install linux-headers-amd64" >&2; \
		echo "or say where they are: make KDIR=..." >&2; \
		exit 1; }

clean: kdir
	$(KBUILD) clean

# The modules; and for clients, the headers and Module.symvers.
install: all
	$(KBUILD) modules_install INSTALL_MOD_PATH=$(DESTDIR) INSTALL_MOD_DIR=updates
	install -d $(SRCDIR)/include/pheap
	install -m 644 include/pheap/*.h $(SRCDIR)/include/pheap
	install -m 644 Module.symvers $(SRCDIR)
	depmod $(if $(DESTDIR),-b $(DESTDIR)) $(RELEASE)

dkms-install:
	scripts/dkms-install

check:
	@scripts/check $(ONLY)

demo:
	@scripts/demo $(if $(KERNEL),--kernel $(KERNEL)) $(if $(TRACE),--trace $(TRACE))

bench:
	@scripts/bench

shell:
	@scripts/shell $(KERNEL)

model:
	@scripts/model $(if $(LONG),--long) $(if $(TRACE),--trace $(TRACE))

docs:
	@scripts/setup docs
	@PHEAP_KERNEL_SOURCE=$$(scripts/kernel-build --source 6.12) \
		sphinx-build -q -b html Documentation Documentation/_build/html

help:
	@echo 'make               build the modules against KDIR=$(KDIR)'
	@echo 'make install       install them, and the headers for clients (DESTDIR=)'
	@echo 'make dkms-install  have DKMS build them for every kernel installed'
	@echo 'make clean         remove what was built'
	@echo
	@echo 'make demo          compare pheap with kmalloc on a real trace, in a guest'
	@echo '                   (TRACE=file, KERNEL=6.1|6.12)'
	@echo 'make check         all tests (ONLY="$(shell scripts/check --pieces)")'
	@echo 'make model         check the algorithm of the collector (LONG=1: for hours;'
	@echo '                   TRACE=mutation: show how it fails)'
	@echo 'make bench         the benchmarks'
	@echo 'make shell         a shell in a guest with the modules (KERNEL=6.1|6.12|um-6.1|...)'
	@echo 'make docs          the documents as HTML'

.PHONY: all kdir clean install dkms-install check demo model bench shell docs help
