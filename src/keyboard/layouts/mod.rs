//! The layouts that are built in, one a file.
//!
//! Their facts are those of xkeyboard-config 2.35.1 (xkb-data; a licence like MIT's), which Linux guests use themselves.
//! Guests with Windows agree in what is printed on the keys; what xkeyboard-config has on AltGr beyond that does not work
//! there. tests/fixtures/keyboard holds the program that writes these files, and says how they are tested.

mod at;
mod be;
mod bg;
mod br;
mod ca;
mod ch;
mod ch_fr;
mod cz;
mod de;
mod de_nodeadkeys;
mod dk;
mod ee;
mod es;
mod fi;
mod fr;
mod gb;
mod gr;
mod hr;
mod hu;
mod ie;
mod is;
mod it;
mod jp;
mod latam;
mod nl;
mod no;
mod pl;
mod pt;
mod ro;
mod ru;
mod se;
mod si;
mod sk;
mod tr;
mod ua;
mod us;
mod us_colemak;
mod us_dvorak;
mod us_intl;

use super::Layout;

/// Every layout, by kinship.
pub const LAYOUTS: &[&Layout] = &[
    &us::LAYOUT,
    &us_intl::LAYOUT,
    &us_dvorak::LAYOUT,
    &us_colemak::LAYOUT,
    &gb::LAYOUT,
    &ie::LAYOUT,
    &de::LAYOUT,
    &de_nodeadkeys::LAYOUT,
    &at::LAYOUT,
    &ch::LAYOUT,
    &ch_fr::LAYOUT,
    &fr::LAYOUT,
    &be::LAYOUT,
    &ca::LAYOUT,
    &es::LAYOUT,
    &latam::LAYOUT,
    &it::LAYOUT,
    &pt::LAYOUT,
    &br::LAYOUT,
    &nl::LAYOUT,
    &se::LAYOUT,
    &no::LAYOUT,
    &dk::LAYOUT,
    &fi::LAYOUT,
    &is::LAYOUT,
    &ee::LAYOUT,
    &pl::LAYOUT,
    &cz::LAYOUT,
    &sk::LAYOUT,
    &hu::LAYOUT,
    &ro::LAYOUT,
    &hr::LAYOUT,
    &si::LAYOUT,
    &tr::LAYOUT,
    &gr::LAYOUT,
    &ru::LAYOUT,
    &ua::LAYOUT,
    &bg::LAYOUT,
    &jp::LAYOUT,
];
