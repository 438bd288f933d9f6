use clap::Args as Group;
use tcss_export::{AssetType, BuildError, CreateExportComplianceStatusListJob};

use super::values::{asset_type, whole};

/// What a new job exports.
#[derive(Debug, Group)]
pub(crate) struct Export {
    #[arg(
        long,
        value_name = "TYPE",
        value_parser = asset_type,
        help = "Names the assets: container, image, host, k8s, containerd, containerd_container or \
                another text that the service knows."
    )]
    asset_type: AssetType,
    #[arg(long, help = "Exports per asset instead of per check item.")]
    by_asset: bool,
    #[command(flatten)]
    extent: Extent,
}

#[derive(Debug, Group)]
#[group(required = true, multiple = false)]
struct Extent {
    #[arg(long, help = "Exports all there is.")]
    all: bool,
    #[arg(
        long = "id",
        value_name = "N",
        value_delimiter = ',',
        value_parser = whole,
        allow_negative_numbers = true,
        help = "Exports this check item alone, or asset with --by-asset; several by commas or by \
                more of it."
    )]
    ids: Vec<u64>,
}

impl Export {
    pub(crate) fn action(&self) -> Result<CreateExportComplianceStatusListJob, BuildError> {
        type Create = CreateExportComplianceStatusListJob;

        let asset_type = self.asset_type.clone();
        let action = match self.extent.all {
            true => Create::all(asset_type),
            false => Create::of(asset_type, self.extent.ids.iter().copied())?,
        };
        Ok(if self.by_asset { action.by_asset() } else { action })
    }
}
