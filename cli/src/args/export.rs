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
        help = "Exports this type of asset: container, image, host, k8s, containerd, \
                containerd_container or another one that the service knows."
    )]
    asset_type: AssetType,
    #[arg(long, help = "Exports by asset instead of by check item.")]
    by_asset: bool,
    #[command(flatten)]
    extent: Extent,
}

#[derive(Debug, Group)]
#[group(required = true, multiple = false)]
struct Extent {
    #[arg(long, help = "Exports everything.")]
    all: bool,
    #[arg(
        long = "id",
        value_name = "N",
        value_delimiter = ',',
        value_parser = whole,
        allow_negative_numbers = true,
        help = "Exports only this check item, or with --by-asset this asset; for several, use \
                commas or repeat the option."
    )]
    ids: Vec<u64>,
}

impl Export {
    pub(crate) fn action(&self) -> Result<CreateExportComplianceStatusListJob, BuildError> {
        type Create = CreateExportComplianceStatusListJob;

        let asset_type = self.asset_type.clone();
        let mut action = match self.extent.all {
            true => Create::all(asset_type),
            false => Create::of(asset_type, self.extent.ids.iter().copied())?,
        };
        action.export_by_asset = self.by_asset;
        Ok(action)
    }
}
